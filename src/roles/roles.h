/* The roles of drayd that are started by exec; each runs until its line to core ends. */
#ifndef ROLES_ROLES_H
#define ROLES_ROLES_H

/* core_fd: the line to core. The return value is the exit status of the process. */
int role_listener(int core_fd);
int role_courier(int core_fd);
int role_worker(int core_fd);
int role_checker(int core_fd);

/* The daemon itself. */
int role_core(const char *config_path);

#endif
