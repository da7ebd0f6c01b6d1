#define _GNU_SOURCE
// A load generator for servers on this machine: clients in a closed loop over HTTP/1.1.
//
//   cc -O2 -pthread -o load Scripts/load.c
//   load PORT CLIENTS REQUESTS PROMPT_TOKENS MAX_TOKENS [stream] [shared=N] [vocab=N] [model=NAME]
//
// Every client keeps one connection and sends POST /v1/completions, one request after the other,
// until REQUESTS are done in all. Prompts are token ids, different for each request; the first
// `shared` ids are the same for all. Prints one JSON object: totals, tokens a second (as the
// servers' usage counts them, or as streamed chunks), percentiles of latency, of the time to the
// first chunk and between chunks, in milliseconds, and this program's own share of processor time.
// Only 127.0.0.1 is spoken to.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int port, clients, requests, prompt_tokens, max_tokens, streams, shared_tokens;
static int vocabulary = 1000;
static const char *model = "";
static atomic_int next_request, failures;
static atomic_long tokens;

enum { MOST = 1 << 20 };
static double *latencies, *firsts, *gaps;
static atomic_int latency_count, first_count, gap_count;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void note(double *list, atomic_int *count, double value) {
    int place = atomic_fetch_add(count, 1);
    if (place < MOST) {
        list[place] = value * 1e3;
    }
}

static int dial(void) {
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct timeval limit = {.tv_sec = 300};
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(s, (struct sockaddr *)&address, sizeof address) != 0) {
        close(s);
        return -1;
    }
    return s;
}

static uint64_t mix(uint64_t z) {
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t compose(char *out, size_t size, int number) {
    size_t length = (size_t)snprintf(out, size,
                                     "{\"model\":\"%s\",\"max_tokens\":%d,\"temperature\":0,"
                                     "\"ignore_eos\":true,\"stream\":%s,\"prompt\":[",
                                     model, max_tokens, streams ? "true" : "false");
    for (int i = 0; i < prompt_tokens; i++) {
        uint64_t seed = i < shared_tokens ? (uint64_t)i : (uint64_t)number << 20 | (uint64_t)i;
        length += (size_t)snprintf(out + length, size - length, "%s%d", i ? "," : "",
                                   (int)(10 + mix(seed) % (uint64_t)(vocabulary - 10)));
    }
    return length + (size_t)snprintf(out + length, size - length, "]}");
}

// Counts "data: {" in a streamed body as it comes; a chunk of text is a token.
static int read_stream(int s, char *buffer, size_t size, double start) {
    size_t held = 0;
    double last = start;
    int chunks = 0, is_ok = 0;
    for (;;) {
        ssize_t count = recv(s, buffer + held, size - held - 1, 0);
        if (count <= 0) {
            return -1;
        }
        held += (size_t)count;
        buffer[held] = 0;
        if (!is_ok) {
            if (strncmp(buffer, "HTTP/1.1 200", 12) != 0) {
                return -1;
            }
            is_ok = 1;
        }
        char *place = buffer, *found;
        double time = now();
        while ((found = strstr(place, "data: {"))) {
            char *end = strstr(found, "\n\n");
            if (!end) {
                break;
            }
            *end = 0;
            if (strstr(found, "\"finish_reason\":null")) {
                if (chunks++) {
                    note(gaps, &gap_count, time - last);
                } else {
                    note(firsts, &first_count, time - start);
                }
                last = time;
            }
            place = end + 2;
        }
        int done = strstr(place, "data: [DONE]") != NULL && strstr(place, "\r\n0\r\n\r\n") != NULL;
        size_t rest = held - (size_t)(place - buffer);
        memmove(buffer, place, rest + 1);
        held = rest;
        if (done) {
            return chunks;
        }
    }
}

static int read_whole(int s, char *buffer, size_t size) {
    size_t held = 0;
    long wanted = -1;
    for (;;) {
        ssize_t count = recv(s, buffer + held, size - held - 1, 0);
        if (count <= 0) {
            return -1;
        }
        held += (size_t)count;
        buffer[held] = 0;
        char *body = strstr(buffer, "\r\n\r\n");
        if (!body) {
            continue;
        }
        if (wanted < 0) {
            char *length = strcasestr(buffer, "content-length:");
            if (!length || length > body) {
                return -1;
            }
            wanted = (body + 4 - buffer) + atol(length + 15);
        }
        if ((long)held >= wanted) {
            char *usage = strstr(body, "\"completion_tokens\":");
            return strncmp(buffer, "HTTP/1.1 200", 12) == 0 && usage ? atoi(usage + 20) : -1;
        }
    }
}

static void *run(void *unused) {
    (void)unused;
    size_t size = 4u << 20;
    char *body = malloc(size), *buffer = malloc(size), head[256];
    int s = dial();
    for (;;) {
        int number = atomic_fetch_add(&next_request, 1);
        if (number >= requests || !body || !buffer) {
            break;
        }
        size_t length = compose(body, size, number);
        int head_length = snprintf(head, sizeof head,
                                   "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                                   length);
        double start = now();
        int count = -1;
        for (int attempt = 0; attempt < 2 && count < 0; attempt++) {
            if (s < 0) {
                s = dial();
            }
            if (s >= 0 && send(s, head, (size_t)head_length, MSG_NOSIGNAL | MSG_MORE) > 0 &&
                send(s, body, length, MSG_NOSIGNAL) == (ssize_t)length) {
                count = streams ? read_stream(s, buffer, size, start) : read_whole(s, buffer, size);
            }
            if (count < 0) {
                close(s);
                s = -1;
            }
        }
        if (count < 0) {
            atomic_fetch_add(&failures, 1);
            continue;
        }
        atomic_fetch_add(&tokens, count);
        note(latencies, &latency_count, now() - start);
    }
    if (s >= 0) {
        close(s);
    }
    free(body);
    free(buffer);
    return NULL;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void percentiles(const char *name, double *list, int count) {
    qsort(list, (size_t)count, sizeof *list, ascending);
    const double shares[] = {0.5, 0.9, 0.99};
    printf(", \"%s\": {", name);
    for (int i = 0; i < 3; i++) {
        int place = count ? (int)(shares[i] * (count - 1) + 0.5) : 0;
        printf("%s\"p%d\": %.2f", i ? ", " : "", (int)(shares[i] * 100), count ? list[place] : 0);
    }
    printf("}");
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: load PORT CLIENTS REQUESTS PROMPT_TOKENS MAX_TOKENS [stream] "
                        "[shared=N] [vocab=N] [model=NAME]\n");
        return 64;
    }
    port = atoi(argv[1]), clients = atoi(argv[2]), requests = atoi(argv[3]);
    prompt_tokens = atoi(argv[4]), max_tokens = atoi(argv[5]);
    for (int i = 6; i < argc; i++) {
        if (!strcmp(argv[i], "stream")) {
            streams = 1;
        } else if (!strncmp(argv[i], "shared=", 7)) {
            shared_tokens = atoi(argv[i] + 7);
        } else if (!strncmp(argv[i], "vocab=", 6)) {
            vocabulary = atoi(argv[i] + 6);
        } else if (!strncmp(argv[i], "model=", 6)) {
            model = argv[i] + 6;
        }
    }
    if (clients < 1 || clients > 1024 || requests < 1 || requests > 1000000 || prompt_tokens < 1 ||
        prompt_tokens > 100000 || vocabulary < 11) {
        fprintf(stderr, "load: a count is out of its domain\n");
        return 64;
    }
    latencies = malloc(MOST * sizeof(double));
    firsts = malloc(MOST * sizeof(double));
    gaps = malloc(MOST * sizeof(double));
    pthread_t *threads = malloc((size_t)clients * sizeof *threads);
    if (!latencies || !firsts || !gaps || !threads) {
        return 70;
    }
    double start = now();
    for (int i = 0; i < clients; i++) {
        pthread_create(&threads[i], NULL, run, NULL);
    }
    for (int i = 0; i < clients; i++) {
        pthread_join(threads[i], NULL);
    }
    double seconds = now() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double own = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    printf("{\"clients\": %d, \"requests\": %d, \"failures\": %d, \"seconds\": %.4f, "
           "\"requests_per_second\": %.3f, \"tokens_per_second\": %.3f, \"own_cores\": %.4f",
           clients, requests, failures, seconds, latency_count / seconds, (double)tokens / seconds,
           own / seconds);
    percentiles("latency_ms", latencies, latency_count > MOST ? MOST : latency_count);
    percentiles("first_ms", firsts, first_count > MOST ? MOST : first_count);
    percentiles("between_ms", gaps, gap_count > MOST ? MOST : gap_count);
    printf("}\n");
    return failures ? 1 : 0;
}
