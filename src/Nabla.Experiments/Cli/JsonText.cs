using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Nabla.Experiments.Cli;

/// <summary>One indented JSON document on a text writer.</summary>
internal static class JsonText
{
    /// <summary>Writes what <paramref name="content"/> writes, and a line end.</summary>
    public static void Write(TextWriter output, Action<Utf8JsonWriter> content)
    {
        using var buffer = new MemoryStream();
        // The text goes to files and pipes, never into a web page, so letters such as η may stay as they are.
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            content(writer);
        output.WriteLine(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
    }
}
