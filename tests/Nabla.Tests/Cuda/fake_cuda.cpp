// A stand-in for NVIDIA's driver (libcuda.so.1) with two GPUs: memory is the host's, and a stream is a thread that does what was queued, in order, later. It refuses what the
// documentation forbids: calls before cuInit or without a current context, strange handles, copies outside of blocks or from memory that is not page-locked, launches
// beyond the limits. Kernels are C++ made by fake_nvrtc.cpp. Tests read its counters and set its switches through fake_get and fake_set.
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <csignal>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#define API extern "C" __attribute__((visibility("default")))

namespace
{
enum Result
{
    Success = 0, InvalidValue = 1, OutOfMemory = 2, NotInitialized = 3, InvalidDevice = 101, InvalidImage = 200, InvalidContext = 201, UnsupportedPtx = 222, InvalidHandle = 400, NotFound = 500,
    LaunchFailed = 719, NotSupported = 801
};

enum Place { Blocks, Launches, GraphLaunches, Graphs, NodeUpdates, DriverVersion, Pools, MemoryBytes, Fault, Count };
std::atomic<long> state[Count];

constexpr int Devices = 2;
constexpr size_t StackBytes = 128 << 10;

struct Context { int device; };
Context contexts[Devices] = {{0}, {1}};
thread_local Context* current = nullptr;
std::atomic<bool> initialized{false};
auto& fault = state[Fault];
std::mutex gate;
std::map<uintptr_t, size_t> blocks, pinned;
std::set<void*> handles;
std::atomic<size_t> used{0};

bool within(const std::map<uintptr_t, size_t>& ranges, const void* p, size_t bytes)
{
    auto after = ranges.upper_bound((uintptr_t)p);
    if (after == ranges.begin()) return false;
    --after;
    return (uintptr_t)p + bytes <= after->first + after->second;
}

bool in_block(const void* p, size_t bytes) { std::lock_guard<std::mutex> lock(gate); return within(blocks, p, bytes); }
bool in_pinned(const void* p, size_t bytes) { std::lock_guard<std::mutex> lock(gate); return within(pinned, p, bytes); }

template<class T> T* own(T* handle) { std::lock_guard<std::mutex> lock(gate); handles.insert(handle); return handle; }
bool known(void* handle) { std::lock_guard<std::mutex> lock(gate); return handles.count(handle) != 0; }
bool disown(void* handle) { std::lock_guard<std::mutex> lock(gate); return handles.erase(handle) != 0; }

int ready()
{
    if (!initialized) return NotInitialized;
    if (fault) return (int)fault;
    return current ? Success : InvalidContext;
}

#define READY if (int refused = ready()) return refused
#define NEED(condition, result) if (!(condition)) return result

// A thread that does what is queued.
struct Stream
{
    Context* context;
    std::mutex lock;
    std::condition_variable changed;
    std::deque<std::function<void()>> work;
    unsigned long queued = 0, done = 0;

    explicit Stream(Context* owner) : context(owner)
    {
        // Signals of the host's run time are not for threads that change their stacks.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        std::thread([this] { run(); }).detach();
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }

    unsigned long put(std::function<void()> item)
    {
        std::lock_guard<std::mutex> guard(lock);
        work.push_back(std::move(item));
        changed.notify_all();
        return ++queued;
    }

    void wait(unsigned long number)
    {
        std::unique_lock<std::mutex> guard(lock);
        changed.wait(guard, [&] { return done >= number; });
    }

    void run()
    {
        for (;;)
        {
            std::function<void()> item;
            {
                std::unique_lock<std::mutex> guard(lock);
                changed.wait(guard, [&] { return !work.empty(); });
                item = std::move(work.front());
                work.pop_front();
            }
            if (!fault) item();
            item = nullptr;
            std::lock_guard<std::mutex> guard(lock);
            done++;
            changed.notify_all();
        }
    }
};

struct Event { Stream* stream = nullptr; unsigned long number = 0; };

struct Size { unsigned int x, y, z; };

struct Function
{
    void (*item)(void**);
    void (*group)(void**);
    unsigned long (*parameter_size)(unsigned long);
    char* (*shared)();
    unsigned long (*shared_size)();
    Size *thread, *threads, *block, *blocks;
    int *trapped, *has_barriers, *most;
    void (**barrier)();
};

struct Module { void* library; std::map<std::string, Function*> functions; };

// Work-items that meet at barriers: each has a stack, and a barrier hands over to the next. A change of stacks keeps the registers that functions must keep.
extern "C" void fake_switch(void** left, void* entered);
asm(R"(
.type fake_switch, @function
fake_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
)");

struct Fibers
{
    std::vector<void*> items;
    std::vector<char> done;
    void* scheduler = nullptr;
    char* stacks = nullptr;
    unsigned int running = 0;
    const Function* function = nullptr;
    void** arguments = nullptr;
};
thread_local Fibers fibers;

void fiber_leave() { fake_switch(&fibers.items[fibers.running], fibers.scheduler); }

void fiber_main()
{
    fibers.function->item(fibers.arguments);
    fibers.done[fibers.running] = 1;
    fiber_leave();
}

void run_with_barriers(const Function& function, Size group, void** arguments)
{
    constexpr unsigned int Most = 1024, Saved = 6;
    if (!fibers.stacks) fibers.stacks = (char*)mmap(nullptr, StackBytes * Most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    unsigned int count = group.x * group.y * group.z, left = count;
    fibers.items.resize(count);
    fibers.done.assign(count, 0);
    fibers.function = &function;
    fibers.arguments = arguments;
    for (unsigned int i = 0; i < count; i++)
    {
        // A function starts 8 bytes off a multiple of 16, where a call leaves it. Stacks are staggered, so that they do not share lines of the cache.
        void** top = (void**)(fibers.stacks + (i + 1) * StackBytes - 64 - i % 16 * 64);
        *top = (void*)fiber_main;
        fibers.items[i] = top - Saved;
    }
    while (left > 0)
        for (unsigned int i = 0; i < count; i++)
        {
            if (fibers.done[i]) continue;
            fibers.running = i;
            *function.thread = {i % group.x, i / group.x % group.y, i / group.x / group.y};
            fake_switch(&fibers.scheduler, fibers.items[i]);
            left -= fibers.done[i];
        }
}

// A launch with its arguments copied, as the driver does at once.
struct Launch
{
    const Function* function;
    Size grid, group;
    std::vector<std::vector<char>> values;

    void run() const
    {
        std::vector<void*> arguments;
        for (const auto& value : values) arguments.push_back((void*)value.data());
        *function->threads = group;
        *function->blocks = grid;
        *function->barrier = fiber_leave;
        for (unsigned int z = 0; z < grid.z; z++)
            for (unsigned int y = 0; y < grid.y; y++)
                for (unsigned int x = 0; x < grid.x; x++)
                {
                    *function->block = {x, y, z};
                    // Shared memory starts with whatever was there.
                    if (function->shared_size() > 0) memset(function->shared(), 0xFF, function->shared_size());
                    if (*function->has_barriers) run_with_barriers(*function, group, arguments.data());
                    else function->group(arguments.data());
                }
        if (*function->trapped) fault = LaunchFailed;
    }
};

int make_launch(Launch& launch, void* function, Size grid, Size group, void** parameters)
{
    NEED(known(function), InvalidHandle);
    NEED(grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && grid.x <= 2147483647u && grid.y <= 65535 && grid.z <= 65535, InvalidValue);
    launch.function = (Function*)function;
    unsigned long items = (unsigned long)group.x * group.y * group.z;
    NEED(group.x >= 1 && group.y >= 1 && group.z >= 1 && group.x <= 1024 && group.y <= 1024 && group.z <= 64 && items <= (unsigned long)*launch.function->most, InvalidValue);
    NEED(launch.function->shared_size() <= 49152, InvalidValue);
    launch.grid = grid;
    launch.group = group;
    launch.values.clear();
    for (unsigned long i = 0; launch.function->parameter_size(i) > 0; i++)
    {
        char* value = (char*)parameters[i];
        launch.values.emplace_back(value, value + launch.function->parameter_size(i));
    }
    return Success;
}

struct KernelNodeParams
{
    void* func;
    unsigned int gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes;
    void** kernelParams;
    void** extra;
    void* kern;
    void* ctx;
};
static_assert(sizeof(KernelNodeParams) == 72, "as cuda.h has it");

struct Memcpy3D
{
    size_t srcXInBytes, srcY, srcZ, srcLOD;
    unsigned int srcMemoryType;
    const void* srcHost;
    void* srcDevice;
    void* srcArray;
    void* reserved0;
    size_t srcPitch, srcHeight, dstXInBytes, dstY, dstZ, dstLOD;
    unsigned int dstMemoryType;
    void* dstHost;
    void* dstDevice;
    void* dstArray;
    void* reserved1;
    size_t dstPitch, dstHeight, WidthInBytes, Height, Depth;
};
static_assert(sizeof(Memcpy3D) == 200, "as cuda.h has it");

struct Node
{
    bool is_copy = false;
    Launch launch;
    void *source = nullptr, *target = nullptr;
    size_t bytes = 0;

    void run() const
    {
        if (is_copy) memmove(target, source, bytes);
        else launch.run();
    }
};

struct Graph { std::vector<Node*> nodes; };
struct Exec { std::vector<Node*> names; std::vector<std::shared_ptr<Node>> nodes; };

int launch_of(Launch& launch, const KernelNodeParams& p)
{
    NEED(p.extra == nullptr && p.sharedMemBytes == 0 && p.kern == nullptr && (p.ctx == nullptr || p.ctx == current), InvalidValue);
    return make_launch(launch, p.func, {p.gridDimX, p.gridDimY, p.gridDimZ}, {p.blockDimX, p.blockDimY, p.blockDimZ}, p.kernelParams);
}

Function* open_function(void* library, const char* name)
{
    auto* function = new Function();
    auto find = [&](const char* symbol) { return dlsym(library, symbol); };
    if (!find(name)) return nullptr;
    function->item = (void (*)(void**))find("fake_item");
    function->group = (void (*)(void**))find("fake_group");
    function->parameter_size = (unsigned long (*)(unsigned long))find("fake_parameter_size");
    function->shared = (char* (*)())find("fake_shared");
    function->shared_size = (unsigned long (*)())find("fake_shared_size");
    function->thread = (Size*)find("fake_thread");
    function->threads = (Size*)find("fake_threads");
    function->block = (Size*)find("fake_block");
    function->blocks = (Size*)find("fake_blocks");
    function->trapped = (int*)find("fake_trapped");
    function->has_barriers = (int*)find("fake_has_barriers");
    function->most = (int*)find("fake_most");
    function->barrier = (void (**)())find("fake_barrier");
    return function;
}

// The image: machine code starts with a mark and its length; PTX is text that holds the same, two digits a byte.
bool library_of(const char* image, std::string& bytes, int& status)
{
    status = InvalidImage;
    if (memcmp(image, "FAKECUBN", 8) == 0)
    {
        uint64_t length;
        memcpy(&length, image + 8, 8);
        bytes.assign(image + 16, length);
        return true;
    }
    int major, minor, from = 0;
    if (sscanf(image, ".version %d.%d\n.target sm_%*d\n//%n", &major, &minor, &from) != 2 || from == 0) return false;
    status = UnsupportedPtx;
    // CUDA 12.n has PTX 8.n, CUDA 13.n has 9.n.
    if (major * 10 + minor > (int)state[DriverVersion] / 100 - 40 + state[DriverVersion] % 100 / 10) return false;
    for (const char* at = image + from; at[0] > ' '; at += 2) bytes.push_back((char)((at[0] - 'a') * 16 + at[1] - 'a'));
    return true;
}
}

API long fake_get(int what) { return what == MemoryBytes ? (long)used : (long)state[what]; }
API void fake_set(int what, long value) { state[what] = value; }

// For stand-ins of other libraries: queues work on a stream, and asks whether bytes lie in a block.
int fake_put(void* stream, std::function<void()> work)
{
    READY;
    NEED(known(stream) && ((Stream*)stream)->context == current, InvalidHandle);
    ((Stream*)stream)->put(std::move(work));
    return Success;
}
bool fake_in_block(const void* p, size_t bytes) { return in_block(p, bytes); }

API int cuInit(unsigned int flags)
{
    NEED(flags == 0, InvalidValue);
    if (!initialized.exchange(true))
    {
        if (state[DriverVersion] == 0) state[DriverVersion] = 13000;
        if (state[MemoryBytes] == 0) state[MemoryBytes] = 4l << 30;
        if (state[Pools] == 0) state[Pools] = 1;
    }
    return Success;
}

API int cuDriverGetVersion(int* version) { *version = (int)state[DriverVersion]; return Success; }
API int cuGetErrorName(int error, const char** text)
{
    static const std::map<int, const char*> names = {{0, "CUDA_SUCCESS"}, {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"}, {3, "CUDA_ERROR_NOT_INITIALIZED"},
        {101, "CUDA_ERROR_INVALID_DEVICE"}, {200, "CUDA_ERROR_INVALID_IMAGE"}, {201, "CUDA_ERROR_INVALID_CONTEXT"}, {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
        {400, "CUDA_ERROR_INVALID_HANDLE"}, {500, "CUDA_ERROR_NOT_FOUND"}, {719, "CUDA_ERROR_LAUNCH_FAILED"}, {801, "CUDA_ERROR_NOT_SUPPORTED"}};
    auto found = names.find(error);
    *text = found == names.end() ? nullptr : found->second;
    return found == names.end() ? InvalidValue : Success;
}
API int cuGetErrorString(int error, const char** text) { *text = "a sentence of the driver"; return error < 0 ? InvalidValue : Success; }
API int cuDeviceGetCount(int* count) { NEED(initialized, NotInitialized); *count = Devices; return Success; }
API int cuDeviceGet(int* device, int ordinal) { NEED(initialized, NotInitialized); NEED(ordinal >= 0 && ordinal < Devices, InvalidDevice); *device = ordinal; return Success; }
API int cuDeviceGetName(char* name, int room, int device) { NEED(device >= 0 && device < Devices, InvalidDevice); snprintf(name, room, "Fake GPU"); return Success; }
API int cuDeviceTotalMem_v2(size_t* bytes, int device) { NEED(device >= 0 && device < Devices, InvalidDevice); *bytes = state[MemoryBytes]; return Success; }
API int cuDeviceGetAttribute(int* value, int attribute, int device)
{
    static const std::map<int, int> values = {{1, 1024}, {2, 1024}, {3, 1024}, {4, 64}, {5, 2147483647}, {6, 65535}, {7, 65535}, {8, 49152}, {16, 8}, {75, 9}, {76, 0}};
    NEED(device >= 0 && device < Devices, InvalidDevice);
    if (attribute == 115) { *value = state[Pools] > 0; return Success; }
    auto found = values.find(attribute);
    NEED(found != values.end(), InvalidValue);
    *value = found->second;
    return Success;
}
API int cuDevicePrimaryCtxRetain(void** context, int device) { NEED(initialized, NotInitialized); NEED(device >= 0 && device < Devices, InvalidDevice); *context = own(&contexts[device]); return Success; }
API int cuCtxGetCurrent(void** context) { NEED(initialized, NotInitialized); *context = current; return Success; }
API int cuCtxSetCurrent(void* context) { NEED(initialized, NotInitialized); NEED(context == nullptr || known(context), InvalidContext); current = (Context*)context; return Success; }

API int cuStreamCreate(void** stream, unsigned int flags) { READY; NEED(flags <= 1, InvalidValue); *stream = own(new Stream(current)); return Success; }
API int cuStreamSynchronize(void* stream)
{
    READY;
    NEED(known(stream), InvalidHandle);
    auto* s = (Stream*)stream;
    unsigned long last;
    { std::lock_guard<std::mutex> lock(s->lock); last = s->queued; }
    s->wait(last);
    return (int)fault;
}
API int cuEventCreate(void** event, unsigned int flags) { READY; NEED((flags & ~7u) == 0, InvalidValue); *event = own(new Event()); return Success; }
API int cuEventRecord(void* event, void* stream)
{
    READY;
    NEED(known(event) && known(stream) && ((Stream*)stream)->context == current, InvalidHandle);
    auto* e = (Event*)event;
    e->number = ((Stream*)stream)->put([] {});
    e->stream = (Stream*)stream;
    return Success;
}
API int cuEventSynchronize(void* event)
{
    READY;
    NEED(known(event), InvalidHandle);
    auto* e = (Event*)event;
    if (e->stream) e->stream->wait(e->number);
    return (int)fault;
}

API int cuDeviceGetDefaultMemPool(void** pool, int device) { READY; NEED(state[Pools] > 0, NotSupported); *pool = own(&contexts[device].device); return Success; }
API int cuMemPoolSetAttribute(void* pool, int attribute, void* value) { READY; NEED(known(pool), InvalidHandle); NEED(attribute == 4 && *(uint64_t*)value > 0, InvalidValue); return Success; }
API int cuMemPoolTrimTo(void* pool, size_t) { READY; NEED(known(pool), InvalidHandle); return Success; }

static int allocate(void** address, size_t bytes)
{
    NEED(bytes > 0, InvalidValue);
    NEED(used + bytes <= (size_t)state[MemoryBytes], OutOfMemory);
    void* block = nullptr;
    NEED(posix_memalign(&block, 256, bytes) == 0, OutOfMemory);
    // Fresh memory is full of NaN.
    memset(block, 0xFF, bytes);
    std::lock_guard<std::mutex> lock(gate);
    blocks[(uintptr_t)block] = bytes;
    used += bytes;
    state[Blocks]++;
    *address = block;
    return Success;
}

static void release(void* address, size_t bytes)
{
    memset(address, 0xFF, bytes);
    free(address);
    used -= bytes;
    state[Blocks]--;
}

static size_t forget(void* address)
{
    std::lock_guard<std::mutex> lock(gate);
    auto found = blocks.find((uintptr_t)address);
    if (found == blocks.end()) return 0;
    size_t bytes = found->second;
    blocks.erase(found);
    return bytes;
}

API int cuMemAllocAsync(void** address, size_t bytes, void* stream) { READY; NEED(state[Pools] > 0, NotSupported); NEED(known(stream), InvalidHandle); return allocate(address, bytes); }
API int cuMemFreeAsync(void* address, void* stream)
{
    READY;
    NEED(known(stream), InvalidHandle);
    size_t bytes = forget(address);
    NEED(bytes > 0, InvalidValue);
    ((Stream*)stream)->put([=] { release(address, bytes); });
    return Success;
}
API int cuMemAlloc_v2(void** address, size_t bytes) { READY; return allocate(address, bytes); }
API int cuMemFree_v2(void* address) { READY; size_t bytes = forget(address); NEED(bytes > 0, InvalidValue); release(address, bytes); return Success; }
API int cuMemHostAlloc(void** address, size_t bytes, unsigned int flags)
{
    READY;
    NEED(flags <= 7 && bytes > 0, InvalidValue);
    *address = malloc(bytes);
    std::lock_guard<std::mutex> lock(gate);
    pinned[(uintptr_t)*address] = bytes;
    return Success;
}

API int cuMemcpyHtoDAsync_v2(void* target, const void* source, size_t bytes, void* stream)
{
    READY;
    NEED(known(stream), InvalidHandle);
    NEED(in_block(target, bytes) && in_pinned(source, bytes), InvalidValue);
    ((Stream*)stream)->put([=] { memcpy(target, source, bytes); });
    return Success;
}
API int cuMemcpyDtoHAsync_v2(void* target, const void* source, size_t bytes, void* stream)
{
    READY;
    NEED(known(stream), InvalidHandle);
    NEED(in_block(source, bytes) && in_pinned(target, bytes), InvalidValue);
    ((Stream*)stream)->put([=] { memcpy(target, source, bytes); });
    return Success;
}
API int cuMemcpyDtoDAsync_v2(void* target, const void* source, size_t bytes, void* stream)
{
    READY;
    NEED(known(stream), InvalidHandle);
    NEED(in_block(source, bytes) && in_block(target, bytes), InvalidValue);
    ((Stream*)stream)->put([=] { memmove(target, source, bytes); });
    return Success;
}

API int cuModuleLoadDataEx(void** module, const void* image, unsigned int options, const int*, void**)
{
    READY;
    NEED(options <= 2, InvalidValue);
    std::string bytes;
    int status;
    NEED(library_of((const char*)image, bytes, status), status);
    int file = memfd_create("kernel", 0);
    NEED(file >= 0 && write(file, bytes.data(), bytes.size()) == (ssize_t)bytes.size(), InvalidImage);
    void* library = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
    NEED(library, InvalidImage);
    *module = own(new Module{library, {}});
    // The file stays open: a later one of the same number would be taken for this one.
    return Success;
}
API int cuModuleUnload(void* module) { READY; NEED(disown(module), InvalidHandle); return Success; }
API int cuModuleGetFunction(void** function, void* module, const char* name)
{
    READY;
    NEED(known(module), InvalidHandle);
    auto* opened = open_function(((Module*)module)->library, name);
    NEED(opened, NotFound);
    *function = own(opened);
    return Success;
}
API int cuFuncGetAttribute(int* value, int attribute, void* function)
{
    READY;
    NEED(known(function), InvalidHandle);
    NEED(attribute == 0 || attribute == 1, InvalidValue);
    *value = attribute == 0 ? *((Function*)function)->most : (int)((Function*)function)->shared_size();
    return Success;
}
API int cuFuncGetParamInfo(void* function, size_t index, size_t* offset, size_t* size)
{
    READY;
    NEED(known(function), InvalidHandle);
    *offset = 0;
    *size = ((Function*)function)->parameter_size(index);
    return *size > 0 ? Success : InvalidValue;
}
API int cuLaunchKernel(void* function, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx, unsigned int by, unsigned int bz, unsigned int shared, void* stream, void** parameters, void** extra)
{
    READY;
    NEED(known(stream) && ((Stream*)stream)->context == current, InvalidHandle);
    NEED(shared == 0 && extra == nullptr, InvalidValue);
    auto launch = std::make_shared<Launch>();
    if (int refused = make_launch(*launch, function, {gx, gy, gz}, {bx, by, bz}, parameters)) return refused;
    state[Launches]++;
    ((Stream*)stream)->put([=] { launch->run(); });
    return Success;
}

API int cuGraphCreate(void** graph, unsigned int flags) { READY; NEED(flags == 0, InvalidValue); *graph = own(new Graph()); return Success; }
static int add(void** node, void* graph, void** before, size_t count, Node* fresh)
{
    auto* g = (Graph*)graph;
    // Chains only: each node waits for the one before it.
    bool chained = g->nodes.empty() ? count == 0 : count == 1 && before[0] == g->nodes.back();
    if (!chained) { delete fresh; return InvalidValue; }
    g->nodes.push_back(own(fresh));
    *node = fresh;
    return Success;
}
API int cuGraphAddKernelNode_v2(void** node, void* graph, void** before, size_t count, const KernelNodeParams* p)
{
    READY;
    NEED(known(graph), InvalidHandle);
    auto* fresh = new Node();
    if (int refused = launch_of(fresh->launch, *p)) { delete fresh; return refused; }
    return add(node, graph, before, count, fresh);
}
API int cuGraphAddMemcpyNode(void** node, void* graph, void** before, size_t count, const Memcpy3D* p, void* context)
{
    READY;
    NEED(known(graph) && context == current, InvalidHandle);
    NEED(p->srcMemoryType == 2 && p->dstMemoryType == 2 && p->Height == 1 && p->Depth == 1 && !p->srcArray && !p->dstArray && !p->reserved0 && !p->reserved1, InvalidValue);
    NEED(in_block(p->srcDevice, p->WidthInBytes) && in_block(p->dstDevice, p->WidthInBytes), InvalidValue);
    auto* fresh = new Node();
    fresh->is_copy = true;
    fresh->source = p->srcDevice;
    fresh->target = p->dstDevice;
    fresh->bytes = p->WidthInBytes;
    return add(node, graph, before, count, fresh);
}
API int cuGraphInstantiateWithFlags(void** exec, void* graph, unsigned long long flags)
{
    READY;
    NEED(known(graph), InvalidHandle);
    NEED(flags == 0, InvalidValue);
    auto* made = new Exec();
    for (Node* node : ((Graph*)graph)->nodes)
    {
        made->names.push_back(node);
        made->nodes.push_back(std::make_shared<Node>(*node));
    }
    state[Graphs]++;
    *exec = own(made);
    return Success;
}
API int cuGraphExecKernelNodeSetParams_v2(void* exec, void* node, const KernelNodeParams* p)
{
    READY;
    NEED(known(exec), InvalidHandle);
    auto* e = (Exec*)exec;
    for (size_t i = 0; i < e->names.size(); i++)
        if (e->names[i] == node)
        {
            // Launches that are queued keep the node as it was.
            auto changed = std::make_shared<Node>(*e->nodes[i]);
            NEED(!changed->is_copy && p->func == changed->launch.function, InvalidValue);
            if (int refused = launch_of(changed->launch, *p)) return refused;
            e->nodes[i] = changed;
            state[NodeUpdates]++;
            return Success;
        }
    return InvalidValue;
}
API int cuGraphLaunch(void* exec, void* stream)
{
    READY;
    NEED(known(exec) && known(stream), InvalidHandle);
    state[GraphLaunches]++;
    for (auto& node : ((Exec*)exec)->nodes) ((Stream*)stream)->put([node] { node->run(); });
    return Success;
}
API int cuGraphExecDestroy(void* exec) { READY; NEED(disown(exec), InvalidHandle); state[Graphs]--; delete (Exec*)exec; return Success; }
API int cuGraphDestroy(void* graph) { READY; NEED(disown(graph), InvalidHandle); delete (Graph*)graph; return Success; }
