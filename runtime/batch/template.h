/* runtime/batch/template.h: a command in which an input line is put, as in xargs and GNU parallel:
 * {} the line, {#} its number, {.} without extension, {/} without directory, {//} the directory,
 * {/.} without both. A command that uses none of the line's gets the line as its last argument. */
#pragma once
#include <stint/arena.h>
#include <stint/cleanup.h>
#include <stint/error.h>

struct rt_template;

/* @args: NULL-terminated, at least one; copied. */
int rt_template_new(const char *const *args, struct rt_template **ret_template,
                    struct st_error *err) st_must_check;
struct rt_template *rt_template_free(struct rt_template *template);
ST_DEFINE_FREEP(struct rt_template, rt_template_free);
/* The arguments for @line, NULL-terminated, in @arena; NULL when memory is out. */
char **rt_template_expand(const struct rt_template *template, struct st_arena *arena,
                          const char *line, unsigned number);
