// A stand-in for NVRTC: CUDA C becomes C++ through kernel.h, a compiler makes a library of it, and that is the "machine code".
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define API extern "C" __attribute__((visibility("default")))
extern char** environ;

namespace
{
enum { Success = 0, InvalidInput = 3, InvalidOption = 5, Compilation = 6 };

struct Program { std::string text, log, library; int architecture = 0; };

std::string read(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The kernel is called through pointers to its arguments; its name says which function it is.
std::string source_of(const std::string& text)
{
    static const std::regex kernel(R"(__global__\s+void\s+(?:__launch_bounds__\((\d+)(?:, \d+)?\)\s+)?(\w+)\s*\()");
    std::smatch match;
    std::string source = "#include \"" KERNEL_HEADER "\"\n#line 1 \"kernel.cu\"\n" + text + "\n";
    if (!std::regex_search(text, match, kernel)) return source + "#error no kernel\n";
    std::string name = match[2];
    source += "extern \"C\" {\nint fake_most = " + (match[1].matched ? match[1].str() : std::string("1024")) + ";\n";
    source += "int fake_has_barriers = " + std::string(text.find("__syncthreads()") == std::string::npos ? "0" : "1") + ";\n";
    source += "unsigned long fake_parameter_size(unsigned long i) { return decltype(fake_of(" + name + "))::size(i); }\n";
    source += "void fake_item(void** p) { fake_copy_forget(); decltype(fake_of(" + name + "))::call(" + name + ", p); }\n";
    return source + R"(void fake_group(void** p)
{
    for (unsigned int z = 0; z < blockDim.z; z++)
        for (unsigned int y = 0; y < blockDim.y; y++)
            for (unsigned int x = 0; x < blockDim.x; x++)
            {
                fake_thread = {x, y, z};
                fake_item(p);
            }
}
}
)";
}

int run(const std::vector<std::string>& arguments, const std::string& log)
{
    std::vector<char*> pointers;
    for (const auto& argument : arguments) pointers.push_back((char*)argument.c_str());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), 01 | 0100 | 01000, 0600);
    pid_t child;
    int status = posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) return -1;
    // Somebody else may have waited for all children: then the library tells how it went.
    if (waitpid(child, &status, 0) < 0) return 0;
    return status;
}
}

API int nvrtcVersion(int* major, int* minor) { *major = 13; *minor = 0; return Success; }
API const char* nvrtcGetErrorString(int result) { return result == Success ? "NVRTC_SUCCESS" : result == Compilation ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR_INVALID_OPTION"; }
API int nvrtcGetNumSupportedArchs(int* count) { *count = 3; return Success; }
API int nvrtcGetSupportedArchs(int* architectures) { architectures[0] = 75; architectures[1] = 80; architectures[2] = 90; return Success; }
API int nvrtcCreateProgram(void** program, const char* text, const char*, int headers, const char* const*, const char* const*)
{
    if (headers != 0) return InvalidInput;
    *program = new Program{text, "", ""};
    return Success;
}
API int nvrtcDestroyProgram(void** program) { delete (Program*)*program; *program = nullptr; return Success; }

API int nvrtcCompileProgram(void* program, int count, const char* const* options)
{
    auto* p = (Program*)program;
    bool contracts = true;
    for (int i = 0; i < count; i++)
    {
        std::string option = options[i];
        if (sscanf(options[i], "--gpu-architecture=sm_%d", &p->architecture) == 1 || sscanf(options[i], "--gpu-architecture=compute_%d", &p->architecture) == 1) continue;
        if (option == "--fmad=false") contracts = false;
        else if (option != "--prec-div=true" && option != "--prec-sqrt=true" && option != "--ftz=false" && option != "--std=c++17")
        {
            p->log = "unknown option " + option;
            return InvalidOption;
        }
    }
    char folder[] = "/tmp/nabla-fake-nvrtc-XXXXXX";
    if (!mkdtemp(folder)) return InvalidInput;
    std::string base = folder, source = base + "/kernel.cpp", library = base + "/kernel.so", log = base + "/log";
    std::ofstream(source) << source_of(p->text);
    std::vector<std::string> command = {KERNEL_COMPILER, "-x", "c++", "-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-nostdinc", "-fno-exceptions", "-fno-math-errno",
        "-DFAKE_ARCHITECTURE=" + std::to_string(10 * p->architecture), contracts ? "-ffp-contract=fast" : "-ffp-contract=off", "-o", library, source, "-lm"};
    int status = run(command, log);
    p->log = read(log);
    p->library = status == 0 ? read(library) : "";
    for (const auto& path : {source, library, log}) unlink(path.c_str());
    rmdir(folder);
    return p->library.empty() ? Compilation : Success;
}

static std::string cubin(const Program& p)
{
    uint64_t length = p.library.size();
    return std::string("FAKECUBN") + std::string((char*)&length, 8) + p.library;
}

static std::string ptx(const Program& p)
{
    std::string text = ".version 9.0\n.target sm_" + std::to_string(p.architecture) + "\n//";
    for (unsigned char byte : p.library) { text.push_back((char)('a' + byte / 16)); text.push_back((char)('a' + byte % 16)); }
    return text + "\n" + std::string(1, '\0');
}

static int put(const std::string& bytes, char* to) { memcpy(to, bytes.data(), bytes.size()); return Success; }

API int nvrtcGetProgramLogSize(void* program, size_t* size) { *size = ((Program*)program)->log.size() + 1; return Success; }
API int nvrtcGetProgramLog(void* program, char* log) { strcpy(log, ((Program*)program)->log.c_str()); return Success; }
API int nvrtcGetCUBINSize(void* program, size_t* size) { *size = cubin(*(Program*)program).size(); return Success; }
API int nvrtcGetCUBIN(void* program, char* to) { return put(cubin(*(Program*)program), to); }
API int nvrtcGetPTXSize(void* program, size_t* size) { *size = ptx(*(Program*)program).size(); return Success; }
API int nvrtcGetPTX(void* program, char* to) { return put(ptx(*(Program*)program), to); }
