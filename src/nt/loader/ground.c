/*
 * Emulation in the signal handler. Whole instructions are decoded only where they must be; reads of
 * the shared user data page are done by the processor itself, one step, through a register that
 * points to our page meanwhile.
 */
#include "nt/loader/ground.h"

#include <asm/prctl.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "nt/ntos/nt_cpu.h"
#include "nt/ntos/nt_thread.h"
#include "nt/ntos/nt_version.h"

#define SHARED_DATA 0xFFFFF78000000000ull

enum { PAGE = 4096, TRAP_FLAG = 0x100 };

/* Offsets in KPCR and its KPRCB, as x64 code has them inline. */
enum {
    PCR_SELF = 0x18,
    PCR_PRCB = 0x20,
    PCR_IRQL = 0x50,
    PCR_PRCB_START = 0x180,
    PCR_THREAD = 0x188,
    PCR_PROCESSOR = 0x1A4,
};

/* Offsets in KUSER_SHARED_DATA. */
enum {
    USD_TICK_MULTIPLIER = 0x4,
    USD_INTERRUPT_TIME = 0x8,
    USD_SYSTEM_TIME = 0x14,
    USD_BUILD = 0x260,
    USD_PRODUCT = 0x264,
    USD_MAJOR = 0x26C,
    USD_MINOR = 0x270,
    USD_TICK_COUNT = 0x320,
};

enum { TICK_100NS = 156250, TICK_MULTIPLIER = 0x0FA00000, PRODUCT_NT = 1 };

static __thread uint8_t processor_block[PAGE] __attribute__((aligned(64)));
static __thread uint8_t shared_data[PAGE] __attribute__((aligned(64)));
static __thread bool processor_ready;

/* A stepped instruction: the register that was moved, to be put back. */
static __thread struct {
    bool active;
    int reg;
    uint64_t original, moved;
} step;

/* ucontext's register for each number in an instruction. */
static const int greg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                             REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                             REG_R12, REG_R13, REG_R14, REG_R15};

static void
put64(uint8_t *block, unsigned at, uint64_t value)
{
    memcpy(block + at, &value, sizeof(value));
}

static void
put32(uint8_t *block, unsigned at, uint32_t value)
{
    memcpy(block + at, &value, sizeof(value));
}

/* KSYSTEM_TIME: low, high, high again. */
static void
put_time(uint8_t *block, unsigned at, uint64_t value)
{
    put64(block, at, value);
    put32(block, at + 8, (uint32_t)(value >> 32));
}

static bool
make_processor_block(void)
{
    uint64_t self = (uint64_t)(uintptr_t)processor_block;
    if (processor_ready)
        return false;
    put64(processor_block, PCR_SELF, self);
    put64(processor_block, PCR_PRCB, self + PCR_PRCB_START);
    put64(processor_block, PCR_THREAD, (uint64_t)(uintptr_t)nt_thread_current());
    put32(processor_block, PCR_PROCESSOR, 0);
    processor_block[PCR_IRQL] = nt_cpu.irql;
    processor_ready = syscall(SYS_arch_prctl, ARCH_SET_GS, self) == 0;
    return processor_ready;
}

static void
refresh_shared_data(void)
{
    uint64_t interrupt_time = wfp_clock_uptime();
    put32(shared_data, USD_TICK_MULTIPLIER, TICK_MULTIPLIER);
    put_time(shared_data, USD_INTERRUPT_TIME, interrupt_time);
    put_time(shared_data, USD_SYSTEM_TIME, wfp_clock_now());
    put32(shared_data, USD_BUILD, NT_VERSION_BUILD);
    put32(shared_data, USD_PRODUCT, PRODUCT_NT);
    put32(shared_data, USD_MAJOR, NT_VERSION_MAJOR);
    put32(shared_data, USD_MINOR, NT_VERSION_MINOR);
    put_time(shared_data, USD_TICK_COUNT, interrupt_time / TICK_100NS);
}

struct instruction {
    const uint8_t *opcode; /* after the prefixes */
    unsigned prefix_length;
    uint8_t rex;
    bool gs, operand_16;
};

static struct instruction
decode_prefixes(const uint8_t *code)
{
    struct instruction instruction = {.opcode = code};
    for (unsigned i = 0; i < 14; i++, instruction.opcode++, instruction.prefix_length++) {
        uint8_t byte = *instruction.opcode;
        if (byte == 0x65)
            instruction.gs = true;
        else if (byte == 0x66)
            instruction.operand_16 = true;
        else if ((byte & 0xF0) == 0x40)
            instruction.rex = byte;
        else if (byte != 0x2E && byte != 0x36 && byte != 0x3E && byte != 0x26 && byte != 0x64 &&
                 byte != 0x67 && byte != 0xF0 && byte != 0xF2 && byte != 0xF3)
            break;
    }
    return instruction;
}

static void
advance(ucontext_t *context, const struct instruction *instruction, unsigned length)
{
    context->uc_mcontext.gregs[REG_RIP] += (greg_t)(instruction->prefix_length + length);
}

/* mov r, cr8 and mov cr8, r: 0F 20 /r and 0F 22 /r with REX.R. */
static bool
emulate_cr8(ucontext_t *context, const struct instruction *instruction)
{
    const uint8_t *code = instruction->opcode;
    if (code[0] != 0x0F || (code[1] != 0x20 && code[1] != 0x22))
        return false;
    unsigned control = (code[2] >> 3 & 7) | (instruction->rex & 4) << 1;
    int reg = greg[(code[2] & 7) | (instruction->rex & 1) << 3];
    if (control != 8)
        return false;
    if (code[1] == 0x20)
        context->uc_mcontext.gregs[reg] = nt_cpu.irql;
    else if ((uint64_t)context->uc_mcontext.gregs[reg] >= nt_cpu.irql)
        nt_cpu_raise_at((uint8_t)context->uc_mcontext.gregs[reg],
                        (uintptr_t)context->uc_mcontext.gregs[REG_RIP] + 1);
    else /* waiting DPCs run when the driver's callback returns: not from a signal handler */
        nt_cpu.irql = (uint8_t)context->uc_mcontext.gregs[reg];
    advance(context, instruction, 3);
    return true;
}

static bool
emulate_privileged(ucontext_t *context, const struct instruction *instruction)
{
    if (emulate_cr8(context, instruction))
        return true;
    if (instruction->opcode[0] == 0xFA || instruction->opcode[0] == 0xFB) { /* cli, sti */
        advance(context, instruction, 1);
        return true;
    }
    return false;
}

/* mov al/ax/eax/rax, [64-bit address] */
static bool
load_absolute(ucontext_t *context, const struct instruction *instruction)
{
    uint64_t address;
    greg_t *rax = &context->uc_mcontext.gregs[REG_RAX];
    if (instruction->opcode[0] != 0xA0 && instruction->opcode[0] != 0xA1)
        return false;
    memcpy(&address, instruction->opcode + 1, sizeof(address));
    if (address < SHARED_DATA || address > SHARED_DATA + PAGE - 8)
        return false;
    const uint8_t *from = shared_data + (address - SHARED_DATA);
    if (instruction->opcode[0] == 0xA0) {
        memcpy(rax, from, 1);
    } else if (instruction->rex & 8) {
        memcpy(rax, from, 8);
    } else if (instruction->operand_16) {
        memcpy(rax, from, 2);
    } else {
        uint32_t value;
        memcpy(&value, from, 4);
        *rax = value;
    }
    advance(context, instruction, 9);
    return true;
}

/* The registers that form the memory operand: base, and index if any (-1 = none). */
static bool
address_registers(const struct instruction *instruction, int *ret_base, int *ret_index)
{
    const uint8_t *code = instruction->opcode;
    code += code[0] == 0x0F ? 2 : 1;
    unsigned mode = *code >> 6, rm = *code & 7;
    *ret_base = *ret_index = -1;
    if (mode == 3)
        return false;
    if (rm != 4) {
        if (mode == 0 && rm == 5)
            return false; /* rip-relative */
        *ret_base = (int)(rm | (instruction->rex & 1u) << 3);
        return true;
    }
    unsigned sib = code[1], index = (sib >> 3 & 7) | (instruction->rex & 2u) << 2;
    if (index != 4)
        *ret_index = (int)index;
    if (!(mode == 0 && (sib & 7) == 5))
        *ret_base = (int)((sib & 7) | (instruction->rex & 1u) << 3);
    return true;
}

static bool
is_shared_address(uint64_t value)
{
    return value >= SHARED_DATA - PAGE && value < SHARED_DATA + PAGE;
}

/* Let the processor do the load from our copy: move the address register there for one step. */
static bool
step_through(ucontext_t *context, const struct instruction *instruction)
{
    int base, index;
    if (!address_registers(instruction, &base, &index))
        return false;
    greg_t *gregs = context->uc_mcontext.gregs;
    int reg = -1;
    if (base >= 0 && is_shared_address((uint64_t)gregs[greg[base]]))
        reg = greg[base];
    else if (index >= 0 && is_shared_address((uint64_t)gregs[greg[index]]))
        reg = greg[index];
    if (reg < 0)
        return false;
    step.active = true;
    step.reg = reg;
    step.original = (uint64_t)gregs[reg];
    uint64_t offset = step.original - SHARED_DATA;
    __asm__("" : "+r"(offset)); /* or the sum becomes a relocation that does not fit */
    step.moved = offset + (uint64_t)(uintptr_t)shared_data;
    gregs[reg] = (greg_t)step.moved;
    gregs[REG_EFL] |= TRAP_FLAG;
    return true;
}

static bool
finish_step(ucontext_t *context)
{
    if (!step.active)
        return false;
    greg_t *gregs = context->uc_mcontext.gregs;
    gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    if ((uint64_t)gregs[step.reg] == step.moved) /* else the load wrote it */
        gregs[step.reg] = (greg_t)step.original;
    step.active = false;
    return true;
}

bool
nt_ground_emulate(int signal, const siginfo_t *info, ucontext_t *context)
{
    enum { GENERAL_PROTECTION = 13, PAGE_FAULT = 14, WRITE = 2 };
    const greg_t *gregs = context->uc_mcontext.gregs;
    if (signal == SIGTRAP)
        return finish_step(context);
    if (signal != SIGSEGV || step.active)
        return false;
    struct instruction instruction = decode_prefixes((const uint8_t *)gregs[REG_RIP]);
    if (gregs[REG_TRAPNO] == GENERAL_PROTECTION)
        return emulate_privileged(context, &instruction);
    if (gregs[REG_TRAPNO] != PAGE_FAULT)
        return false;
    if (instruction.gs)
        return make_processor_block();
    uint64_t address = (uint64_t)gregs[REG_CR2];
    if (address < SHARED_DATA || address >= SHARED_DATA + PAGE || gregs[REG_ERR] & WRITE)
        return false;
    refresh_shared_data();
    return load_absolute(context, &instruction) || step_through(context, &instruction);
}
