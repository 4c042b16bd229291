/*
 * Function names and line numbers from a .pdb file, for reports.
 */
#ifndef WFP_NT_PDB_H
#define WFP_NT_PDB_H

#include <stddef.h>
#include <stdint.h>

typedef void nt_pdb_function(void *context, uint16_t section, uint32_t offset, const char *name,
                             size_t length);

/**
 * Report the functions in the program database @p bytes; damaged parts yield nothing.
 *
 * @param guid      16 bytes from the image's debug directory, or NULL to accept any file
 * @param function  section counts from 1
 * @return 0, or -1 when it is no .pdb, or another image's
 */
int nt_pdb_read(const uint8_t *bytes, size_t size, const uint8_t *guid, nt_pdb_function *function,
                void *context);
/**
 * The source line of the code at @p section (from 1) and @p offset.
 *
 * @param file      receives the name as the compiler recorded it; cut at @p file_size
 * @param ret_line  written, as @p file is, only on success
 * @return 0, or -1 when the database does not tell
 */
int nt_pdb_find_line(const uint8_t *bytes, size_t size, const uint8_t *guid, uint16_t section,
                     uint32_t offset, char *file, size_t file_size, unsigned *ret_line);

#endif
