// SPDX-License-Identifier: MPL-2.0

// Package rig runs the built program as a process of its own, for what measures
// it or breaks things around it: it builds it, changes a sandbox's configuration
// for it, and tells how much memory and processor time it takes.
package rig
