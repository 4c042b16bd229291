/*
 * A driver in C++ as kernel programmers write it: namespaces, classes, templates, virtual functions,
 * operators new and delete over pool, no exceptions. Blocks ICMP.
 */
#include "common.h"

constexpr ULONG PoolTag = 'ppCT';

void *operator new(size_t size, POOL_FLAGS flags, ULONG tag)
{
    return ExAllocatePool2(flags, size, tag);
}

void operator delete(void *block, size_t)
{
    if (block != nullptr) {
        ExFreePoolWithTag(block, PoolTag);
    }
}

namespace decisions
{
template <typename T>
class Owner
{
public:
    explicit Owner(T *item = nullptr) : item_(item) {}
    ~Owner() { delete item_; }
    Owner(const Owner &) = delete;
    Owner &operator=(const Owner &) = delete;
    T *operator->() const { return item_; }
    T *Release()
    {
        T *item = item_;
        item_ = nullptr;
        return item;
    }

private:
    T *item_;
};

class Rule
{
public:
    virtual ~Rule() = default;
    virtual bool Blocks(const FWPS_INCOMING_VALUES &values) = 0;
    LONG Count() const { return count_; }

protected:
    LONG count_ = 0;
};

template <UINT8 Protocol>
class ProtocolRule final : public Rule
{
public:
    bool Blocks(const FWPS_INCOMING_VALUES &values) override
    {
        const auto &value = values.incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_PROTOCOL].value;
        if (value.uint8 != Protocol) {
            return false;
        }
        InterlockedIncrement(&count_);
        return true;
    }
};

Rule *rule;

void NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *, void *,
                    const void *, const FWPS_FILTER *, UINT64, FWPS_CLASSIFY_OUT *out)
{
    if (out->rights & FWPS_RIGHT_ACTION_WRITE) {
        out->actionType = rule->Blocks(*values) ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT;
    }
}

TEST_CALLOUT callouts[] = {
    {{0x6f70656e, 0x7766, 0x7003, {0x80, 1}}, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Classify, nullptr, 0},
};

void Unload(PDRIVER_OBJECT)
{
    TestStop(callouts, ARRAYSIZE(callouts));
    Report("cpp_block: blocked %d\n", rule->Count());
    delete rule;
}
} // namespace decisions

extern "C" NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING)
{
    using namespace decisions;

    driver->DriverUnload = Unload;
    Owner<Rule> made(new (POOL_FLAG_NON_PAGED, PoolTag) ProtocolRule<1>);
    if (made.operator->() == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    rule = made.Release();
    const NTSTATUS status = TestStart(driver, callouts, ARRAYSIZE(callouts));
    if (!NT_SUCCESS(status)) {
        delete rule;
    }
    return status;
}
