#include "seccomp_private.h"

#include <string.h>

void rt_bpf_deinit(struct rt_bpf *bpf) {
        free(bpf->code);
        *bpf = (struct rt_bpf) {0};
}

static bool make_room(struct rt_bpf *bpf, size_t n) {
        size_t room = bpf->room ? bpf->room : 64;
        struct sock_filter *code;

        if (bpf->failed)
                return false;
        while (room < bpf->n + n)
                room *= 2;
        if (room == bpf->room)
                return true;
        code = reallocarray(bpf->code, room, sizeof *code);
        if (!code) {
                bpf->failed = true;
                return false;
        }
        bpf->code = code;
        bpf->room = room;
        return true;
}

size_t rt_bpf_emit(struct rt_bpf *bpf, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf) {
        if (!make_room(bpf, 1))
                return 0;
        bpf->code[bpf->n] = (struct sock_filter) {.code = code, .jt = jt, .jf = jf, .k = k};
        return bpf->n++;
}

void rt_bpf_load(struct rt_bpf *bpf, size_t offset) {
        (void)rt_bpf_emit(bpf, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

void rt_bpf_return(struct rt_bpf *bpf, uint32_t action) {
        (void)rt_bpf_emit(bpf, BPF_RET | BPF_K, action, 0, 0);
}

void rt_bpf_jump(struct rt_bpf *bpf, struct rt_bpf_label *to) {
        size_t at = rt_bpf_emit(bpf, BPF_JMP | BPF_JA, (uint32_t)to->last, 0, 0);

        to->last = at + 1;
}

void rt_bpf_land(struct rt_bpf *bpf, struct rt_bpf_label *label) {
        size_t at = label->last;

        while (at > 0 && !bpf->failed) {
                struct sock_filter *jump = &bpf->code[at - 1];
                size_t before = jump->k;

                jump->k = (uint32_t)(bpf->n - at);
                at = before;
        }
        label->last = 0;
}
