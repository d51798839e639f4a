#include "ipc/messages.h"

#include "base/bug.h"

/*
 * A field's row needs offsetof, and so the struct's name, which the field lists don't repeat. Each
 * list is therefore expanded inside of a function of its own in which `self` has the struct's type.
 */
#define FIELD_ROW(kind_, name_, max_)                  \
	{.kind = IPC_##kind_,                          \
	    .name = #name_,                            \
	    .offset = __builtin_offsetof(self, name_), \
	    .max = (max_)},

#define SCHEMA_FUNCTION(NAME, message, sender_, states_)                                 \
	static const struct ipc_schema *schema_##message(void)                           \
	{                                                                                \
		typedef struct ipc_##message self;                                       \
		static const struct ipc_field fields[] = {IPC_FIELDS_##NAME(FIELD_ROW)}; \
		static const struct ipc_schema schema = {                                \
		    .name = #NAME,                                                       \
		    .sender = (sender_),                                                 \
		    .states = (states_),                                                 \
		    .struct_size = sizeof(self),                                         \
		    .fields = fields,                                                    \
		    .n_fields = ARRAY_LEN(fields),                                       \
		};                                                                       \
		return &schema;                                                          \
	}
IPC_MESSAGES(SCHEMA_FUNCTION)

const struct ipc_schema *
ipc_schema(enum ipc_type type)
{
#define SCHEMA_ENTRY(NAME, message, sender, states) [IPC_##NAME] = schema_##message,
	static const struct ipc_schema *(*const SCHEMAS[IPC_N_TYPES])(void) = {
	    IPC_MESSAGES(SCHEMA_ENTRY)};

	BUG_ON((unsigned)type >= IPC_N_TYPES);
	return SCHEMAS[type]();
}

const char *
ipc_role_name(enum ipc_role role)
{
	static const char *const NAMES[] = {
	    [IPC_ROLE_CORE] = "core",
	    [IPC_ROLE_LISTENER] = "listener",
	    [IPC_ROLE_SESSION] = "session",
	    [IPC_ROLE_COURIER] = "courier",
	    [IPC_ROLE_WORKER] = "worker",
	    [IPC_ROLE_CHECKER] = "checker",
	    [IPC_ROLE_CONTROL] = "control",
	};

	BUG_ON((unsigned)role >= ARRAY_LEN(NAMES));
	return NAMES[role];
}
