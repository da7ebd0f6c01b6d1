# Start-up for RISC-V harts of QEMU's "virt" machine: stacks, traps, a barrier, the UART.
# Other boards: change the addresses here and in link.ld.

#define UART   0x10000000   /* a 16550 */
#define FINISH 0x00100000   /* SiFive's test device: ends the emulation */
#define CLINT  0x02000000   /* one word a hart: a software interrupt */

    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    csrr a0, mhartid
    la t0, skein_harts
    bgeu a0, t0, park
    la t0, trapped
    csrw mtvec, t0
    li t0, 8                # mie.MSIE: a software interrupt ends wfi; none is ever taken
    csrw mie, t0
#ifdef __riscv_flen
    li t0, 0x6000           # mstatus.FS: else the first float instruction traps
    csrs mstatus, t0
    csrw fcsr, zero
#endif
    la sp, __stack_top
    slli t0, a0, 14         # 16 KiB of stack a hart
    sub sp, sp, t0
    bnez a0, ready
    la t0, __bss_start
    la t1, __bss_end
1:  bgeu t0, t1, ready
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
ready:
    # Hart 0 clears .bss; the barrier's words lie in .data, so that the others may wait in it meanwhile.
    mv s0, a0
    call skein_barrier
    mv a0, s0
    la a1, skein_harts
    call skein_main
    li a0, 1
    call skein_exit         # only hart 0 returns a verdict, and it does not get here
park:
    wfi
    j park

    .balign 4
trapped:                    # any trap: exit status 2
    li a0, 2
    j skein_exit

    .text
# void skein_exit(int status): ends the emulation.
    .globl skein_exit
skein_exit:
    li t0, FINISH
    li t1, 0x5555
    beqz a0, 1f
    slli a0, a0, 16
    li t1, 0x3333
    or t1, t1, a0
1:  sw t1, 0(t0)
2:  wfi
    j 2b

# void skein_put(int byte): one byte to the UART.
    .globl skein_put
skein_put:
    li t0, UART
1:  lbu t1, 5(t0)
    andi t1, t1, 0x20
    beqz t1, 1b
    sb a0, 0(t0)
    ret

# unsigned skein_instructions(void): retired instructions of this hart, the lower word.
    .globl skein_instructions
skein_instructions:
    csrr a0, minstret
    ret

# void skein_barrier(void): all harts meet; the last one wakes the others, which sleep meanwhile.
    .globl skein_barrier
skein_barrier:
    la t0, barrier
    lw t1, 4(t0)            # the generation
    fence rw, rw
    li t2, 1
    amoadd.w.aqrl t2, t2, (t0)
    la t3, skein_harts
    addi t4, t3, -1
    bne t2, t4, 2f
    sw zero, 0(t0)
    addi t1, t1, 1
    fence rw, rw
    sw t1, 4(t0)
    fence rw, rw
    csrr t5, mhartid
    li t0, CLINT
1:  addi t3, t3, -1
    slli t4, t3, 2
    add t4, t4, t0
    li t2, 1
    beq t3, t5, 3f
    sw t2, 0(t4)
3:  bnez t3, 1b
    ret
2:  csrr t5, mhartid
    slli t5, t5, 2
    li t3, CLINT
    add t5, t5, t3
4:  lw t2, 4(t0)
    bne t2, t1, 5f
    wfi
    sw zero, 0(t5)          # cleared before looking again, so that no waking is lost
    fence rw, rw
    j 4b
5:  fence rw, rw
    ret

# What compilers expect of a C library.
    .globl memcpy
memcpy:
    mv t0, a0
1:  beqz a2, 2f
    lbu t1, 0(a1)
    sb t1, 0(t0)
    addi a1, a1, 1
    addi t0, t0, 1
    addi a2, a2, -1
    j 1b
2:  ret

    .globl memmove
memmove:
    bltu a0, a1, memcpy
    add t0, a0, a2
    add a1, a1, a2
1:  beqz a2, 2f
    addi a1, a1, -1
    addi t0, t0, -1
    lbu t1, 0(a1)
    sb t1, 0(t0)
    addi a2, a2, -1
    j 1b
2:  ret

    .globl memset
memset:
    mv t0, a0
1:  beqz a2, 2f
    sb a1, 0(t0)
    addi t0, t0, 1
    addi a2, a2, -1
    j 1b
2:  ret

    .data
    .balign 8
barrier:
    .word 0, 0              # harts that arrived, generation
