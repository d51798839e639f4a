/*
 * What the tables of the schema are written with, one file for each large section of the
 * configuration: schema.c (the top level and what is small), schema_accounts.c, schema_folders.c,
 * schema_limits.c, schema_routes.c.
 */
#ifndef CONFIG_SCHEMA_PARTS_H
#define CONFIG_SCHEMA_PARTS_H

#include "base/attr.h"
#include "base/clock.h"
#include "config/schema.h"

#define AT(type_, member)  .offset = offsetof(type_, member), .size = sizeof(((type_ *)NULL)->member)
#define AND(type_, member) .offset_2 = offsetof(type_, member)
#define RANGE(min_, max_)  .min = (uint64_t)(min_), .max = (uint64_t)(max_)
#define SCHEMA(noun_, type_, keys_, ...)                                 \
	{                                                                \
		.noun = (noun_), .size = sizeof(type_), .keys = (keys_), \
		.n_keys = ARRAY_LEN(keys_), __VA_ARGS__                  \
	}

#define MS     US_PER_MS
#define SECOND US_PER_SEC
#define MINUTE (60 * US_PER_SEC)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

extern const struct schema SCHEMA_ACCOUNT;
extern const struct schema SCHEMA_FOLDER;
extern const struct schema SCHEMA_LIMITS;
extern const struct schema SCHEMA_ROUTE;

/* Of a folder, and of an account: struct config_quota. */
extern const struct schema SCHEMA_QUOTA;

#endif
