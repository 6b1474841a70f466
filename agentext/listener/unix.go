// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/vault/internalshared/configutil"
)

// longestPath is what the system takes: 107 bytes on Linux, 103 on macOS.
const longestPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// wsaConnRefused is Windows' ECONNREFUSED, which package syscall does not have.
const wsaConnRefused = syscall.Errno(10061)

// bindUnix makes the socket of a unix listener. At no instant it is wider open
// than the block says; it is there with its owner and mode, or not at all.
func bindUnix(config *configutil.Listener) (net.Listener, error) {
	path := config.Address
	if err := checkPath(path); err != nil {
		return nil, err
	}
	access, err := readAccess(config)
	if err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	var socket net.Listener
	if access.isDefault() {
		socket, err = net.Listen("unix", path)
	} else {
		socket, err = bindPrivately(path)
	}
	if err != nil {
		return nil, err
	}
	return own(socket, path, access)
}

func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("set address to the path of the socket")
	case strings.HasPrefix(path, "@"):
		return errors.New("an abstract socket has neither owner nor mode: set address to a path")
	case len(path) > longestPath:
		return fmt.Errorf("the path has %d bytes, and a socket's has at most %d: choose a shorter one", len(path), longestPath)
	}
	return nil
}

// removeStale removes what a process left that did not end in order.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return errors.New("there is a file that is no socket: move it away, or choose another address")
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close()
		return errors.New("the socket is in use by another process: end that one, or choose another address")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, wsaConnRefused) {
		return fmt.Errorf("there is a socket, and whether another process uses it cannot be told (%w): remove it if none does", err)
	}
	return os.Remove(path)
}

// own gives the socket its access and ties the file to it.
func own(socket net.Listener, path string, access access) (net.Listener, error) {
	// Removed by fileSocket, which looks whether the file is still this one.
	socket.(*net.UnixListener).SetUnlinkOnClose(false)
	file, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	owned := &fileSocket{Listener: socket, path: path, file: file}
	if err := access.apply(path); err != nil {
		return nil, errors.Join(err, owned.Close())
	}
	return owned, nil
}

// A fileSocket removes its file when it is closed, unless another process has
// put its own in that place.
type fileSocket struct {
	net.Listener
	path string
	file fs.FileInfo
}

func (s *fileSocket) Close() error {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, s.Listener.Close())
		}
	}
	return s.Listener.Close()
}
