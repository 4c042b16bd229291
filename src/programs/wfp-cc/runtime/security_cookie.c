/*
 * The outermost entry point of a .sys, the stack cookie, and the load configuration that names it.
 *
 * The loader finds __security_cookie through the load configuration and replaces the default by a
 * random value before the first instruction runs; an image whose cookie is still the default stops
 * at once (int 29h code 6), as images of current Windows toolchains do.
 *
 * Ref: win32 debug/pe-format, "Load Configuration Layout"
 */
typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned short u16;

#define DEFAULT_COOKIE 0x00002B992DDFA232ull

enum { FAIL_STACK_COOKIE = 2, FAIL_COOKIE_NOT_SET = 6 };

u64 __security_cookie = DEFAULT_COOKIE;
u64 __security_cookie_complement = ~DEFAULT_COOKIE;

/* Slots that a loader with Control Flow Guard overwrites; these defaults check nothing. */
void wfp_guard_check(void);
void wfp_guard_dispatch(void);
__asm__(".text\n"
        ".globl wfp_guard_check\nwfp_guard_check:\n    ret\n"
        ".globl wfp_guard_dispatch\nwfp_guard_dispatch:\n    jmpq *%rax\n"
        /* In: rcx = cookie from the frame. Keeps every register: it runs in epilogues. */
        ".globl __security_check_cookie\n__security_check_cookie:\n"
        "    cmpq __security_cookie(%rip), %rcx\n"
        "    jne 1f\n"
        "    rolq $16, %rcx\n"
        "    testw $0xffff, %cx\n"
        "    jne 2f\n"
        "    ret\n"
        "2:  rorq $16, %rcx\n"
        "1:  movl $2, %ecx\n"
        "    int $0x29\n");

__attribute__((section(".rdata"))) void (*const volatile __guard_check_icall_fptr)(void) =
    wfp_guard_check;
__attribute__((section(".rdata"))) void (*const volatile __guard_dispatch_icall_fptr)(void) =
    wfp_guard_dispatch;

struct load_config { /* IMAGE_LOAD_CONFIG_DIRECTORY64 up to GuardFlags and its successor */
    u32 size, time_stamp;
    u16 major, minor;
    u32 flags_clear, flags_set, critical_section_timeout;
    u64 decommit_free_block, decommit_total_free, lock_prefix_table, maximum_allocation,
        virtual_memory_threshold, process_affinity_mask;
    u32 process_heap_flags;
    u16 csd_version, dependent_load_flags;
    u64 edit_list;
    u64 *security_cookie;
    u64 se_handler_table, se_handler_count;
    const volatile void *guard_check, *guard_dispatch;
    u64 guard_function_table, guard_function_count;
    u32 guard_flags;
    u16 integrity_flags, integrity_catalog;
    u32 integrity_catalog_offset, integrity_reserved;
    u64 rest[12];
};

_Static_assert(__builtin_offsetof(struct load_config, security_cookie) == 88, "cookie");
_Static_assert(__builtin_offsetof(struct load_config, guard_check) == 112, "guard check");
_Static_assert(__builtin_offsetof(struct load_config, guard_flags) == 144, "guard flags");

const struct load_config _load_config_used = {
    .size = sizeof(struct load_config),
    .security_cookie = &__security_cookie,
    .guard_check = &__guard_check_icall_fptr,
    .guard_dispatch = &__guard_dispatch_icall_fptr,
};

long REAL_ENTRY(void *driver, void *registry_path);
long GsDriverEntry(void *driver, void *registry_path);

__attribute__((no_stack_protector)) long
GsDriverEntry(void *driver, void *registry_path)
{
    u64 cookie = __security_cookie;
    if (cookie == 0 || cookie == DEFAULT_COOKIE)
        __asm__ volatile("int $0x29" : : "c"(FAIL_COOKIE_NOT_SET));
    __security_cookie_complement = ~cookie;
    return REAL_ENTRY(driver, registry_path);
}
