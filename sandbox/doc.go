// SPDX-License-Identifier: MPL-2.0

// Package sandbox is everything mashproxy needs around it, in one process and
// without a network: a real Vault server with its storage in memory, an emulated
// Mashery, and a folder with the files a user would write for the two. It is
// what `mashproxy dev` and the tests of the whole chain run on.
//
// The proxy itself is not started here: whoever calls [Start] runs it with
// [Sandbox.ConfigFile] and waits for it with [Sandbox.WaitReady]. [Sandbox.Banner]
// then tells a person what to try, and [Sandbox.Smoke] tries it.
package sandbox
