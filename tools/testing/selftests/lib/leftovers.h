/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test leaves behind that is everybody's: mdevs, and parameters of modules.
 * Its teardown puts them back, but for one that was ended by its limit.
 */
#ifndef _SELFTESTS_LEFTOVERS_H
#define _SELFTESTS_LEFTOVERS_H

/*
 * Remembers all that is there. Each child that this process itself forks from now
 * on, which is a test, begins with just that.
 */
void leftovers_begin(void);

#endif /* _SELFTESTS_LEFTOVERS_H */
