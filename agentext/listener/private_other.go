// SPDX-License-Identifier: MPL-2.0

//go:build !linux && !windows

package listener

import (
	"net"
	"syscall"
)

// bindPrivately makes a socket that only this process's user can connect to.
// The umask belongs to the whole process: listeners are opened one at a time,
// and files other parts create in that instant are narrower than usual.
func bindPrivately(path string) (net.Listener, error) {
	mask := syscall.Umask(0o177)
	defer syscall.Umask(mask)
	return net.Listen("unix", path)
}
