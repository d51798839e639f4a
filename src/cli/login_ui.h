/* Who is asked, and told, while we log in: the person at the terminal, if there is one. */
#ifndef CLI_LOGIN_UI_H
#define CLI_LOGIN_UI_H

#include "cli/remote_session.h"

/* May a person be asked: not with --batch, without a terminal, or when the standard input isn't
 * one, for then it is a script that runs us. */
bool login_ui_may_ask(const struct cli *cli);

/* ctx of its functions is the session. */
struct login_ui login_ui_of(struct remote_session *s);

#endif
