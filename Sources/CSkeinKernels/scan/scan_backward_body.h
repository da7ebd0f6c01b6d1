// The scan on the way back; scan_body.h includes this.

/// Floats: chunk starts of every block, one chunk's states and decays, carries and sums.
static ptrdiff_t scan_scratch(ptrdiff_t rows, ptrdiff_t states, ptrdiff_t blocks) {
    const ptrdiff_t size = states * BLOCK, chunks = (rows + CHUNK - 1) / CHUNK;
    return (chunks + 2) * blocks * size + (2 * CHUNK + 1) * size + 2 * CHUNK * states * WIDTH;
}

/// One chunk of one block, with everything the way back needs of it.
typedef struct {
    block_of x[CHUNK], raw[CHUNK], step[CHUNK], before_gate[CHUNK];
} chunk_of;

/// Runs a chunk forward from `states[0]`; states[i + 1] is the one after row i.
SK_INLINE LEVEL void chunk_forward(chunk_of *c, float *states_of, float *kept_of, const sk_scan *s,
                                   ptrdiff_t first_row, ptrdiff_t rows, ptrdiff_t b) {
    const ptrdiff_t size = s->states * BLOCK, first = b * BLOCK, count = s->channels - first;
    block_of skip;
    load_some(&skip, s->skip + first, count);
    for (ptrdiff_t i = 0; i < rows; i++) {
        load_some(&c->x[i], s->x + (first_row + i) * s->ld_x + first, count);
        load_some(&c->raw[i], s->step + (first_row + i) * s->ld_step + first, count);
    }
    softplus(c->step, c->raw, rows);
    for (ptrdiff_t i = 0; i < rows; i++) {
        const ptrdiff_t t = first_row + i;
        float *kept = kept_of + i * size;
        decays_of(kept, s->decay + b * size, &c->step[i], s->states, 0);
        block_of sum;
        fill(&sum, 0);
        for (ptrdiff_t n = 0; n < s->states; n++) {
            block_of a, h;
            load(&h, states_of + i * size + n * BLOCK);
            const float enters = s->in[t * s->ld_in + n], leaves = s->out[t * s->ld_in + n];
            load(&a, kept + n * BLOCK);
            EACH_PART {
                const sk_v drive = c->step[i].part[p] * c->x[i].part[p];
                h.part[p] = FMA(a.part[p], h.part[p], drive * enters);
                sum.part[p] = FMA(h.part[p], ALL(leaves), sum.part[p]);
            }
            store(states_of + (i + 1) * size + n * BLOCK, &h);
        }
        EACH_PART { c->before_gate[i].part[p] = FMA(skip.part[p], c->x[i].part[p], sum.part[p]); }
    }
}

/// The chunk's rows backwards; `carry` is what the next row's state asks of this one's.
SK_INLINE LEVEL void chunk_backward(const chunk_of *c, const float *states_of, const float *kept_of,
                                    float *carry, float *ddecay, sk_v *sums,
                                    const sk_scan_backward *args, ptrdiff_t first_row,
                                    ptrdiff_t rows, ptrdiff_t b) {
    const sk_scan *s = &args->forward;
    const ptrdiff_t size = s->states * BLOCK, first = b * BLOCK, count = s->channels - first;
    block_of skip, dskip;
    load_some(&skip, s->skip + first, count);
    fill(&dskip, 0);
    for (ptrdiff_t i = rows; i-- > 0;) {
        const ptrdiff_t t = first_row + i;
        block_of g;
        load_some(&g, args->dy + t * args->ld_dy + first, count);
        if (s->gate != NULL) {
            block_of gate, share, dgate;
            load_some(&gate, s->gate + t * s->ld_gate + first, count);
            logistic(&share, &gate);
            EACH_PART {
                const sk_v z = gate.part[p], l = share.part[p];
                dgate.part[p] = g.part[p] * c->before_gate[i].part[p] * l * (1.0f + z * (1.0f - l));
                g.part[p] *= z * l;
            }
            add_some(args->dgate + t * args->ld_dgate + first, &dgate, count);
        }
        block_of entering, through;
        fill(&entering, 0);
        fill(&through, 0);
        for (ptrdiff_t n = 0; n < s->states; n++) {
            block_of decay, kept, before, after, owed, da;
            load(&decay, s->decay + b * size + n * BLOCK);
            load(&kept, kept_of + i * size + n * BLOCK);
            load(&before, states_of + i * size + n * BLOCK);
            load(&after, states_of + (i + 1) * size + n * BLOCK);
            load(&owed, carry + n * BLOCK);
            load(&da, ddecay + n * BLOCK);
            const float enters = s->in[t * s->ld_in + n], leaves = s->out[t * s->ld_in + n];
            sk_v din = ALL(0.0f), dout = ALL(0.0f);
            EACH_PART {
                const sk_v owes = FMA(g.part[p], ALL(leaves), owed.part[p]);
                const sk_v drive = c->step[i].part[p] * c->x[i].part[p];
                // d(decay * before) by the exponent, which is log2.
                const sk_v bent = owes * kept.part[p] * before.part[p];
                din = FMA(drive, owes, din);
                dout = FMA(g.part[p], after.part[p], dout);
                entering.part[p] = FMA(owes, ALL(enters), entering.part[p]);
                through.part[p] = FMA(bent, decay.part[p], through.part[p]);
                da.part[p] = FMA(bent, c->step[i].part[p], da.part[p]);
                owed.part[p] = kept.part[p] * owes;
            }
            sums[(2 * i) * s->states + n] += din;
            sums[(2 * i + 1) * s->states + n] += dout;
            store(carry + n * BLOCK, &owed);
            store(ddecay + n * BLOCK, &da);
        }
        block_of share, dx, dstep;
        logistic(&share, &c->raw[i]);
        EACH_PART {
            const sk_v x = c->x[i].part[p];
            dx.part[p] = FMA(skip.part[p], g.part[p], c->step[i].part[p] * entering.part[p]);
            // `through` counts powers of two.
            const sk_v slope = FMA(x, entering.part[p], through.part[p] * 0.69314718f);
            dstep.part[p] = slope * share.part[p];
            dskip.part[p] = FMA(g.part[p], x, dskip.part[p]);
        }
        add_some(args->dx + t * args->ld_dx + first, &dx, count);
        add_some(args->dstep + t * args->ld_dstep + first, &dstep, count);
    }
    add_some(args->dskip + first, &dskip, count);
}

LEVEL static void scan_backward(const sk_scan_backward *args, ptrdiff_t block_begin,
                                ptrdiff_t block_end) {
    const sk_scan *s = &args->forward;
    const ptrdiff_t size = s->states * BLOCK, blocks = block_end - block_begin;
    const ptrdiff_t chunks = (s->rows + CHUNK - 1) / CHUNK;
    float *starts = args->scratch, *carries = starts + (chunks + 1) * blocks * size;
    float *states_of = carries + blocks * size, *kept_of = states_of + (CHUNK + 1) * size;
    sk_v *sums = (sk_v *)(void *)(kept_of + CHUNK * size);
    chunk_of chunk;

    // Where every chunk starts.
    if (s->past == NULL) {
        memset(starts, 0, (size_t)(blocks * size) * sizeof(float));
    } else {
        memcpy(starts, s->past + block_begin * size, (size_t)(blocks * size) * sizeof(float));
    }
    for (ptrdiff_t k = 0; k < chunks; k++) {
        float *place = starts + (k + 1) * blocks * size;
        memcpy(place, place - blocks * size, (size_t)(blocks * size) * sizeof(float));
        for (ptrdiff_t t = k * CHUNK; k + 1 < chunks && t < (k + 1) * CHUNK; t++) {
            for (ptrdiff_t b = 0; b < blocks; b++) {
                const ptrdiff_t first = (block_begin + b) * BLOCK, count = s->channels - first;
                block_of x, raw, step, drive, sum;
                load_some(&x, s->x + t * s->ld_x + first, count);
                load_some(&raw, s->step + t * s->ld_step + first, count);
                softplus(&step, &raw, 1);
                EACH_PART { drive.part[p] = step.part[p] * x.part[p]; }
                scan_row(&sum, place + b * size, place + b * size,
                         s->decay + (block_begin + b) * size, &step, &drive, s->in + t * s->ld_in,
                         s->out + t * s->ld_in, s->states, 0);
            }
        }
    }
    memset(carries, 0, (size_t)(blocks * size) * sizeof(float));
    for (ptrdiff_t k = chunks; k-- > 0;) {
        const ptrdiff_t first_row = k * CHUNK, rows = least(CHUNK, s->rows - first_row);
        memset(sums, 0, (size_t)(2 * CHUNK * s->states) * sizeof(sk_v));
        for (ptrdiff_t b = 0; b < blocks; b++) {
            memcpy(states_of, starts + (k * blocks + b) * size, (size_t)size * sizeof(float));
            chunk_forward(&chunk, states_of, kept_of, s, first_row, rows, block_begin + b);
            chunk_backward(&chunk, states_of, kept_of, carries + b * size,
                           args->ddecay + (block_begin + b) * size, sums, args, first_row, rows,
                           block_begin + b);
        }
        for (ptrdiff_t i = 0; i < rows; i++) {
            for (ptrdiff_t n = 0; n < s->states; n++) {
                float in = 0, out = 0;
                for (int l = 0; l < WIDTH; l++) {
                    in += sums[(2 * i) * s->states + n][l];
                    out += sums[(2 * i + 1) * s->states + n][l];
                }
                args->din[(first_row + i) * args->ld_din + n] += in;
                args->dout[(first_row + i) * args->ld_din + n] += out;
            }
        }
    }
}
