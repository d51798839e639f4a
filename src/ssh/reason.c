#include "ssh/reason.h"

#include "base/attr.h"
#include "base/text.h"

struct wording {
	const char *prefix;
	enum reason_kind kind;
};

/* The first that fits counts. */
static const struct wording WORDINGS[] = {
    {"Socket error: disconnected", REASON_CLOSED},
    {"Socket error: ", REASON_BROKEN},
    {"Received SSH_MSG_DISCONNECT: ", REASON_DISCONNECT},
    {"Channel request subsystem failed", REASON_REFUSED},
    {"No version of SSH protocol usable", REASON_VERSION},
};

/* SSH_DISCONNECT_BY_APPLICATION */
static const char BY_APPLICATION[] = "11";

struct reason
reason_of(const char *error)
{
	struct slice text = slice_str(error);
	struct reason reason = {.kind = REASON_OTHER, .words = text};
	struct slice code;

	for (size_t i = 0; i < ARRAY_LEN(WORDINGS); i++) {
		struct slice prefix = slice_str(WORDINGS[i].prefix);
		if (!slice_starts_with(text, prefix))
			continue;
		reason.kind = WORDINGS[i].kind;
		reason.words = slice_of(text.ptr + prefix.len, text.len - prefix.len);
		break;
	}
	if (reason.kind == REASON_DISCONNECT) {
		reason.words = slice_cut(reason.words, ':', &code);
		reason.by_application = slice_is(code, BY_APPLICATION);
	}
	return reason;
}
