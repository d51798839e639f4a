/*
 * Answers as JSON. Text from outside is escaped as everywhere (\xHH for what isn't printable UTF-8,
 * and for the backslash itself), so that every answer is valid JSON and no byte is lost. Moments
 * are text, "2026-03-01T12:34:56.123456Z", or null for never; hashes are hexadecimal, or null.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "ipc/codec.h"

/* New values; never NULL. The caller owns them until it puts them into another. */
json_t *json_new_object(void);
json_t *json_new_array(void);
json_t *json_new_text(struct slice s);
json_t *json_new_story(struct slice s);
json_t *json_new_u64(uint64_t v);
json_t *json_new_bool(bool v);
json_t *json_new_moment(int64_t at_us);

/* Takes the value over. */
void json_put(json_t *object, const char *key, json_t *value);
void json_push(json_t *array, json_t *value);

/*
 * A row of the control conversation as an object with its fields, in their order: "_us" is dropped
 * from names and the value is a moment, "n_" is dropped from counts.
 */
json_t *json_new_row(const struct ipc_message *m);

/* Writes it and frees it: a document over several lines, or one line. */
void json_print_document(json_t *value, FILE *to);
void json_print_line(json_t *value, FILE *to);

#endif
