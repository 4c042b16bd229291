// C++ in a driver: virtual functions, destructors, templates; constructors at file scope do not run.
typedef long NTSTATUS;

extern "C" NTSTATUS KeTestAdd(long a, long long b, int c, int d, int e, double f);
extern "C" NTSTATUS DriverEntry(long command, void *argument);

static long destroyed;

class Base {
public:
    ~Base() { destroyed++; }
    virtual long Value() const { return 1; }
};

class Derived : public Base {
public:
    explicit Derived(long value) : value_(value) {}
    long Value() const override { return value_; }
private:
    long value_;
};

template <typename T> static T larger(T a, T b) { return a > b ? a : b; }

__declspec(noinline) static long ask(const Base &object) { return object.Value(); }

static Derived global(5);
static long initialised = larger(ask(global), 2L);

NTSTATUS DriverEntry(long command, void *argument)
{
    if (command == 0) {
        Derived local(40);
        return ask(local) + larger(1, 2) + KeTestAdd(0, 0, 0, 0, 0, 0.0);
    }
    if (command == 1)
        return destroyed;
    return initialised;
}
