/*
 * Saving and restoring all registers.
 */
#include "nt/loader/seh_context.h"

/* clang-format off */
#define EACH_XMM(op)                                                                               \
    op(0, "416") op(1, "432") op(2, "448") op(3, "464") op(4, "480") op(5, "496") op(6, "512")     \
    op(7, "528") op(8, "544") op(9, "560") op(10, "576") op(11, "592") op(12, "608")               \
    op(13, "624") op(14, "640") op(15, "656")
#define LOAD_XMM(n, at)  "    movups " at "(%rdi), %xmm" #n "\n"
#define STORE_XMM(n, at) "    movups %xmm" #n ", " at "(%rcx)\n"

/* rdi = context. The return address goes below the target stack: Windows code has no red zone. */
__asm__(".text\n"
        ".hidden nt_seh_context_restore\n.globl nt_seh_context_restore\n"
        ".type nt_seh_context_restore,@function\n"
        "nt_seh_context_restore:\n"
        EACH_XMM(LOAD_XMM)
        "    ldmxcsr 52(%rdi)\n"
        "    movq 152(%rdi), %rax\n"        /* rsp */
        "    movq 248(%rdi), %rcx\n"        /* rip */
        "    movq %rcx, -8(%rax)\n"
        "    movl 68(%rdi), %ecx\n"
        "    andl $0x0CD5, %ecx\n"          /* status flags and direction; never trap or interrupt */
        "    pushq %rcx\n    popfq\n"
        "    movq 120(%rdi), %rax\n    movq 128(%rdi), %rcx\n    movq 136(%rdi), %rdx\n"
        "    movq 144(%rdi), %rbx\n    movq 160(%rdi), %rbp\n    movq 168(%rdi), %rsi\n"
        "    movq 184(%rdi), %r8\n     movq 192(%rdi), %r9\n     movq 200(%rdi), %r10\n"
        "    movq 208(%rdi), %r11\n    movq 216(%rdi), %r12\n    movq 224(%rdi), %r13\n"
        "    movq 232(%rdi), %r14\n    movq 240(%rdi), %r15\n"
        "    movq 152(%rdi), %rsp\n"
        "    movq 176(%rdi), %rdi\n"
        "    leaq -8(%rsp), %rsp\n"         /* lea keeps the flags */
        "    ret\n");

/* rcx = context */
__asm__(".text\n"
        ".hidden nt_seh_context_capture\n.globl nt_seh_context_capture\n"
        ".type nt_seh_context_capture,@function\n"
        "nt_seh_context_capture:\n"
        "    pushfq\n"
        "    movq %rax, 120(%rcx)\n    movq %rcx, 128(%rcx)\n    movq %rdx, 136(%rcx)\n"
        "    movq %rbx, 144(%rcx)\n    movq %rbp, 160(%rcx)\n    movq %rsi, 168(%rcx)\n"
        "    movq %rdi, 176(%rcx)\n    movq %r8, 184(%rcx)\n     movq %r9, 192(%rcx)\n"
        "    movq %r10, 200(%rcx)\n    movq %r11, 208(%rcx)\n    movq %r12, 216(%rcx)\n"
        "    movq %r13, 224(%rcx)\n    movq %r14, 232(%rcx)\n    movq %r15, 240(%rcx)\n"
        EACH_XMM(STORE_XMM)
        "    stmxcsr 52(%rcx)\n"
        "    movl $0x0010000F, 48(%rcx)\n"
        "    popq %rax\n"
        "    movl %eax, 68(%rcx)\n"
        "    leaq 8(%rsp), %rax\n    movq %rax, 152(%rcx)\n"
        "    movq (%rsp), %rax\n     movq %rax, 248(%rcx)\n"
        "    movq 120(%rcx), %rax\n"
        "    ret\n");
/* clang-format on */
