// SPDX-License-Identifier: MPL-2.0

//go:build !windows

package listener

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// apply gives the socket at path its owner, then its mode: until then nobody
// but this process's user may connect (bindPrivately).
func (a access) apply(path string) error {
	if a.isDefault() {
		return nil
	}
	if a.uid != unchanged || a.gid != unchanged {
		if err := os.Lchown(path, a.uid, a.gid); err != nil {
			return fmt.Errorf("socket_user and socket_group could not be applied: %w", err)
		}
	}
	mode := a.mode
	if !a.modeSet {
		mode = 0o777 &^ umask()
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("socket_mode could not be applied: %w", err)
	}
	return a.check(path, mode)
}

// check looks whether the file system did what it was told.
func (a access) check(path string, mode fs.FileMode) error {
	file, err := os.Lstat(path)
	if err != nil {
		return err
	}
	has := file.Sys().(*syscall.Stat_t)
	if file.Mode().Perm() != mode || a.uid != unchanged && int(has.Uid) != a.uid || a.gid != unchanged && int(has.Gid) != a.gid {
		return fmt.Errorf("the file system does not keep owner and mode of sockets: it has %v, user %d, group %d", file.Mode(), has.Uid, has.Gid)
	}
	return nil
}

// umask is the process's. It can only be read by setting it; what is set in
// between is narrow, for files other parts create in that instant.
func umask() fs.FileMode {
	mask := syscall.Umask(0o077)
	syscall.Umask(mask)
	return fs.FileMode(mask)
}
