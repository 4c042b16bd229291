/*
 * What should have happened, beside what did.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "programs/sim/sim_world.h"

#define TEXT_MAX 65536

static void
complain(struct wfp_sim *sim, const char *file, int line, const char *what, const char *met,
         const char *wanted)
{
    if (sim)
        sim->failed = true;
    fprintf(stderr, "%s:%d: %s\n  met    %s\n  wanted %s\n", file, line, what, met, wanted);
}

/** The next word of @p *at; a word ends at white space and commas, "(block)" begins one of its own. */
static size_t
next_word(const char **at, const char **ret_word)
{
    const char *p = *at, *start;

    while (isspace((unsigned char)*p) || *p == ',')
        p++;
    start = p;
    if (*p == '(')
        p++;
    while (*p && !isspace((unsigned char)*p) && *p != ',' && *p != '(')
        p++;
    *ret_word = start;
    *at = p;
    return (size_t)(p - start);
}

static bool
has_version(const char *word, size_t length)
{
    return length > 3 &&
           (memcmp(word + length - 3, "_V4", 3) == 0 || memcmp(word + length - 3, "_V6", 3) == 0 ||
            (length > 11 && (memcmp(word + length - 11, "_V4_DISCARD", 11) == 0 ||
                             memcmp(word + length - 11, "_V6_DISCARD", 11) == 0)));
}

/** Is @p word the layer's name, or that without its version? */
static bool
names_layer(const char *layer, const char *word, size_t length)
{
    char name[64];
    const char *version = strstr(layer, "_V4");

    if (!version)
        version = strstr(layer, "_V6");
    if (has_version(word, length) || !version)
        return strlen(layer) == length && memcmp(layer, word, length) == 0;
    snprintf(name, sizeof(name), "%.*s%s", (int)(version - layer), layer, version + 3);
    return strlen(name) == length && memcmp(name, word, length) == 0;
}

/** "NAME NAME(block), NAME": a comma where another packet begins. */
static void
describe_layers(struct wfp_sim *sim, char *text, size_t size)
{
    struct wfp_sim_layer layer;
    size_t n = 0, last = SIZE_MAX;

    text[0] = 0;
    for (size_t i = 0; wfp_sim_layer(sim, i, &layer) && n < size; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s%s%s",
                              i == 0                                     ? ""
                              : layer.packet != last && last != SIZE_MAX ? ", "
                                                                         : " ",
                              layer.name, layer.blocked ? "(block)" : "");
        last = layer.packet;
    }
}

static bool
layers_are(struct wfp_sim *sim, const char *text)
{
    struct wfp_sim_layer layer;
    const char *word;
    size_t length = next_word(&text, &word);

    for (size_t i = 0; wfp_sim_layer(sim, i, &layer); i++) {
        bool blocked;

        if (length == 0 || !names_layer(layer.name, word, length))
            return false;
        length = next_word(&text, &word);
        blocked = length == 7 && memcmp(word, "(block)", 7) == 0;
        if (blocked)
            length = next_word(&text, &word);
        if (blocked != layer.blocked)
            return false;
    }
    return length == 0;
}

bool
wfp_sim_expect_layers_at(struct wfp_sim *sim, const char *text, const char *file, int line)
{
    bool is_met = layers_are(sim, text);

    if (!is_met) {
        _cleanup_(freep) char *met = malloc(TEXT_MAX);

        if (met)
            describe_layers(sim, met, TEXT_MAX);
        complain(sim, file, line, "layers differ", met ? met : "?", text);
    }
    sim->first_layer = sim->layers.count;
    return is_met;
}

static bool
same_words(const char *a, const char *b)
{
    for (;;) {
        const char *x, *y;
        size_t length = next_word(&a, &x), other = next_word(&b, &y);

        if (length != other || memcmp(x, y, length) != 0)
            return false;
        if (length == 0)
            return true;
    }
}

bool
wfp_sim_expect_packets_at(struct wfp_sim *sim, const char *text, const char *file, int line)
{
    _cleanup_(freep) char *met = malloc(TEXT_MAX);
    struct wfp_sim_packet packet;
    char one[160];
    size_t n = 0;
    bool is_met;

    if (!met)
        return false;
    met[0] = 0;
    for (size_t i = 0; wfp_sim_packet(sim, i, &packet) && n < TEXT_MAX; i++)
        n += (size_t)snprintf(met + n, TEXT_MAX - n, "%s%s", i ? ", " : "",
                              sim_record_packet_text(&packet, one, sizeof(one)));
    is_met = same_words(met, text);
    if (!is_met)
        complain(sim, file, line, "packets differ", met, text);
    sim->first_packet = sim->packets.count;
    return is_met;
}

bool
wfp_sim_expect_received_at(struct wfp_sim_socket *socket, const void *data, size_t size,
                           const char *file, int line)
{
    size_t has = 0, at = 0;
    const uint8_t *bytes = wfp_sim_received(socket, &has), *wanted = data;
    char met[96], text[96];

    if (size == WFP_SIM_TEXT)
        size = strlen(data);
    if (socket && has == size && (size == 0 || memcmp(bytes, data, size) == 0))
        return true;
    while (at < has && at < size && bytes[at] == wanted[at])
        at++;
    snprintf(met, sizeof(met), "%zu bytes, the same up to %zu", has, at);
    snprintf(text, sizeof(text), "%zu bytes", size);
    complain(sim_running(), file, line,
             socket ? "what was received differs" : "no socket has received it", met, text);
    return false;
}

bool
wfp_sim_expect_state_at(struct wfp_sim_socket *socket, const char *state, const char *file,
                        int line)
{
    const char *met = wfp_sim_state(socket);

    if (strcmp(met, state) == 0)
        return true;
    complain(sim_running(), file, line, "a socket's state differs", met, state);
    return false;
}

bool
wfp_sim_expect_at(struct wfp_sim *sim, bool condition, const char *text, const char *file, int line)
{
    if (!condition)
        complain(sim, file, line, "this does not hold", "", text);
    return condition;
}
