using System.CommandLine;
using Nabla.Experiments.Runs;
using Nabla.Kernels;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla devices</c>: where tensors can live, and what was looked for in vain.</summary>
internal static class DevicesCommand
{
    public static Command Create(Terminal terminal)
    {
        var json = new Option<bool>("--json") { Description = "One JSON document instead of a table." };
        var command = new Command("devices", "Show the devices of this machine.") { json };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(json)) WriteJson(terminal.Out);
            else WriteTable(terminal);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void WriteTable(Terminal terminal)
    {
        terminal.Table(["device", "memory", "description"], Device.All.Select(d => new[] { d.Name, RunText.Bytes(d.MemoryBytes), d.Description }));
        if (Accelerators.NotFound.Count > 0) terminal.Out.WriteLine($"\nNot found:\n{string.Join('\n', Accelerators.NotFound.Select(reason => $"  {reason}"))}");
    }

    private static void WriteJson(TextWriter output) => JsonText.Write(output, writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartArray("devices");
        foreach (Device device in Device.All)
        {
            writer.WriteStartObject();
            writer.WriteString("name", device.Name);
            writer.WriteNumber("memoryBytes", device.MemoryBytes);
            writer.WriteString("description", device.Description);
            writer.WriteBoolean("default", device == Device.Default);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteStartArray("notFound");
        foreach (string reason in Accelerators.NotFound) writer.WriteStringValue(reason);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });
}
