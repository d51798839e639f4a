/*
 * How a session gets its connection, once and again: by the login of src/ssh, through a program
 * that speaks SSH for us (-S), or to a server that is started here (-D).
 */
#ifndef SHELL_CONNECT_H
#define SHELL_CONNECT_H

#include <stdio.h>

#include "shell/arguments.h"
#include "ssh/login.h"

struct connector;

/* arguments and err are borrowed for its life. With a story. */
enum err connector_new(struct connector **ret_c, const struct arguments *arguments, FILE *err,
    struct story *story) must_check;

/* One connection; blocks. */
enum transport_outcome connector_connect(
    struct connector *c, struct transport **ret_t, struct story *story) must_check;

/* May a lost connection be opened again without a person noticing? Not to a server that was started
 * here: when that one ended, it has its reasons. */
bool connector_may_again(const struct connector *c);

/* What it is connected to, for "Connected to …": unescaped. */
const char *connector_name(const struct connector *c);

/* How long an answer may be due. */
int64_t connector_timeout_us(const struct connector *c);

/* Waits for a program that it started: its connection must be closed. NULL-safe. */
void connector_free(struct connector *c);

#endif
