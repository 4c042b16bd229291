/*
 * A main per verb of wfp; each gets its own argv and returns an exit code (run_options.h).
 */
#ifndef WFP_PROGRAMS_VERBS_H
#define WFP_PROGRAMS_VERBS_H

int wfp_run_main(int argc, char **argv);
int wfp_show_main(int argc, char **argv);
int wfp_device_main(int argc, char **argv);
int wfp_dump_main(int argc, char **argv);
int wfp_filter_main(int argc, char **argv);

#endif
