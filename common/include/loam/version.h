/** @file loam/version.h
 * The version of loam, as numbers for the preprocessor and as text for people.
 *
 * The build reads the three numbers below: they are written down here and nowhere else.
 * While the major number is 0, a new minor number may change the API.
 */
#ifndef LOAM_VERSION_H
#define LOAM_VERSION_H

#define LOAM_VERSION_MAJOR 0 /**< Goes up when the API changes. */
#define LOAM_VERSION_MINOR 1 /**< Goes up with what is new. */
#define LOAM_VERSION_PATCH 0 /**< Goes up with what is mended. */

/** The version as one number that orders releases: 0.1.0 is 100. */
#define LOAM_VERSION (LOAM_VERSION_MAJOR * 10000 + LOAM_VERSION_MINOR * 100 + LOAM_VERSION_PATCH)

/** The version as text, "0.1.0". */
#define LOAM_VERSION_STRING                                                                        \
    LOAM_VERSION_TEXT_(LOAM_VERSION_MAJOR)                                                         \
    "." LOAM_VERSION_TEXT_(LOAM_VERSION_MINOR) "." LOAM_VERSION_TEXT_(LOAM_VERSION_PATCH)

#define LOAM_VERSION_TEXT_(number)  LOAM_VERSION_TEXT__(number)
#define LOAM_VERSION_TEXT__(number) #number

#endif
