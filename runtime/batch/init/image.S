/* The program stint-init as bytes in the batch's read-only data. */
        .section .rodata
        .globl rt_init_image, rt_init_image_end
        .balign 16
rt_init_image:
        .incbin IMAGE
rt_init_image_end:
        .section .note.GNU-stack, "", %progbits
