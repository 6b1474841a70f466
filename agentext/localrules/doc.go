// SPDX-License-Identifier: MPL-2.0

// Package localrules holds what the configuration file lets a listener or a
// mashery block do at most: the keys roles, methods, v3_paths, v2_methods,
// v2_arguments and vault_paths. A rule can only narrow: it forbids what Vault's
// policies may allow, and allows nothing by itself. A key that is not there
// forbids nothing; an empty list forbids everything it speaks of.
package localrules
