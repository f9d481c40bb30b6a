namespace Nabla.Experiments.Data;

/// <summary>A file of a data set as its authors publish it.</summary>
/// <param name="Name">File name.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Md5">Its checksum in lower-case hexadecimal digits. MD5, because that is what the authors publish.</param>
public sealed record DataFile(string Name, long Bytes, string Md5);

/// <summary>A data set that can be downloaded.</summary>
/// <param name="Name">Name on the command line, and of its folder.</param>
/// <param name="Title">Name in reports.</param>
/// <param name="Source">Who made it.</param>
/// <param name="Address">Where its files are.</param>
/// <param name="Files">Its files.</param>
public sealed record DataEntry(string Name, string Title, string Source, string Address, IReadOnlyList<DataFile> Files);

/// <summary>The data sets that are found on disk, or downloaded when the user asks for it.</summary>
public static class Catalog
{
    /// <summary>Handwritten digits, 28 × 28, 60,000 + 10,000.</summary>
    public static DataEntry Mnist { get; } = new("mnist", "MNIST", "LeCun, Cortes, Burges 1998", "https://ossci-datasets.s3.amazonaws.com/mnist/",
    [
        new("train-images-idx3-ubyte.gz", 9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        new("train-labels-idx1-ubyte.gz", 28881, "d53e105ee54ea40749a09fcbcd1e9432"),
        new("t10k-images-idx3-ubyte.gz", 1648877, "9fb629c4189551a2d022fa330f9573f3"),
        new("t10k-labels-idx1-ubyte.gz", 4542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ]);

    /// <summary>Clothes in the format of MNIST.</summary>
    public static DataEntry FashionMnist { get; } = new("fashion-mnist", "Fashion-MNIST", "Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747 (MIT)",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    [
        new("train-images-idx3-ubyte.gz", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        new("train-labels-idx1-ubyte.gz", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
        new("t10k-images-idx3-ubyte.gz", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
        new("t10k-labels-idx1-ubyte.gz", 5148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ]);

    /// <summary>Colour photographs, 32 × 32, 50,000 + 10,000; the binary version.</summary>
    public static DataEntry Cifar10 { get; } = new("cifar10", "CIFAR-10", "Krizhevsky 2009, Learning multiple layers of features from tiny images",
        "https://www.cs.toronto.edu/~kriz/", [new("cifar-10-binary.tar.gz", 170052171, "c32a1d4ab5d03f1284b67883e8d87530")]);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<DataEntry> All { get; } = [Mnist, FashionMnist, Cifar10];
}
