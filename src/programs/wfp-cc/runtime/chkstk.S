/*
 * Touch each page of a large frame, in order: the guard page below the stack must be hit first.
 * In: rax = bytes. All registers but r10 and r11 are kept; the caller subtracts rax from rsp itself.
 */
    .text
    .globl __chkstk
__chkstk:
    leaq 8(%rsp), %r10
    movq %rax, %r11
1:  cmpq $0x1000, %r11
    jb 2f
    subq $0x1000, %r10
    subq $0x1000, %r11
    testb $0, (%r10)
    jmp 1b
2:  subq %r11, %r10
    testb $0, (%r10)
    ret
