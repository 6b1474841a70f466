// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"context"
	"net"
	"syscall"
)

// bindPrivately makes a socket that only this process's user can connect to.
// On Linux the file gets the mode of the descriptor it is bound by (unix(7)),
// so that the umask, which belongs to the whole process, stays alone.
func bindPrivately(path string) (net.Listener, error) {
	sockets := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		var failed error
		err := conn.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), 0o600) })
		if err != nil {
			return err
		}
		return failed
	}}
	return sockets.Listen(context.Background(), "unix", path)
}
