// SPDX-License-Identifier: MPL-2.0

//go:build !windows

package listener

import (
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	file, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return file.Mode().Perm()
}

func ownerOf(t *testing.T, path string) (uid, gid int) {
	t.Helper()
	file, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	has := file.Sys().(*syscall.Stat_t)
	return int(has.Uid), int(has.Gid)
}

func TestUnixServesAndIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	t.Run("serving", func(t *testing.T) {
		l := run(t, unixConfig(path), Options{Guarded: true}) // guarded checks nothing here
		if _, body := get(t, l, nil); body != "hello localhost" {
			t.Errorf("body %q", body)
		}
		if l.String() != "unix://"+path {
			t.Errorf("String() is %q", l)
		}
	})
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is still there")
	}
}

// Each key is applied by itself.
func TestUnixAccess(t *testing.T) {
	uid, gid := os.Getuid(), os.Getgid()
	group := gid
	if uid == 0 {
		group = gid + 12345 // only root may give a socket to any group
	}
	default_ := 0o777 &^ umask()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change   func(*config)
		mode     fs.FileMode
		uid, gid int
	}{
		"none":               {func(*config) {}, default_, uid, gid},
		"mode alone":         {func(c *config) { c.SocketMode = "0660" }, 0o660, uid, gid},
		"mode without zero":  {func(c *config) { c.SocketMode = "600" }, 0o600, uid, gid},
		"a wide mode":        {func(c *config) { c.SocketMode = "0777" }, 0o777, uid, gid},
		"nobody may connect": {func(c *config) { c.SocketMode = "0" }, 0, uid, gid},
		"group alone":        {func(c *config) { c.SocketGroup = strconv.Itoa(group) }, default_, uid, group},
		"user alone":         {func(c *config) { c.SocketUser = strconv.Itoa(uid) }, default_, uid, gid},
		"user by name":       {func(c *config) { c.SocketUser = me.Username }, default_, uid, gid},
		"all three": {func(c *config) {
			c.SocketMode, c.SocketUser, c.SocketGroup = "0620", strconv.Itoa(uid), strconv.Itoa(group)
		}, 0o620, uid, group},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.sock")
			l, err := Open(unixConfig(path, test.change), Options{Handler: hello})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			gotUID, gotGID := ownerOf(t, path)
			if got := modeOf(t, path); got != test.mode || gotUID != test.uid || gotGID != test.gid {
				t.Errorf("mode %v, user %d, group %d; want %v, %d, %d", got, gotUID, gotGID, test.mode, test.uid, test.gid)
			}
		})
	}
}

func TestUnixKeysThatCannotBeApplied(t *testing.T) {
	tests := map[string]struct {
		change  func(*config)
		problem string
	}{
		"a mode that is no number":    {func(c *config) { c.SocketMode = "rw-rw----" }, `socket_mode is "rw-rw----": write octal digits`},
		"a decimal mode":              {func(c *config) { c.SocketMode = "0698" }, "socket_mode"},
		"more than permissions":       {func(c *config) { c.SocketMode = "4755" }, "socket_mode"},
		"a user that is not there":    {func(c *config) { c.SocketUser = "no-such-user" }, "socket_user: user: unknown user no-such-user"},
		"a group that is not there":   {func(c *config) { c.SocketGroup = "no-such-group" }, "socket_group: group: unknown group no-such-group"},
		"a folder that is not there":  {func(c *config) { c.Address += "/x/y.sock" }, "no such file or directory"},
		"an abstract socket":          {func(c *config) { c.Address = "@x" }, "an abstract socket has neither owner nor mode"},
		"no path":                     {func(c *config) { c.Address = "" }, "set address to the path of the socket"},
		"a path that is too long":     {func(c *config) { c.Address = "/" + strings.Repeat("x", 107) }, "the path has 108 bytes"},
		"a group that is not allowed": {func(c *config) { c.SocketGroup = "4294967" }, "socket_user and socket_group could not be applied"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if os.Getuid() == 0 && name == "a group that is not allowed" {
				t.Skip("root may give a socket to any group")
			}
			path := filepath.Join(t.TempDir(), "x.sock")
			_, err := Open(unixConfig(path, test.change), Options{Handler: hello})
			if err == nil || !strings.Contains(err.Error(), test.problem) || !strings.HasPrefix(err.Error(), `listener "unix" at `) {
				t.Errorf("error %v, want %q", err, test.problem)
			}
			if _, err := os.Lstat(path); err == nil {
				t.Error("the socket is there all the same")
			}
		})
	}
}

// Whatever the umask, nobody but the process's own user can connect to a socket
// that has not got its owner and mode yet.
func TestUnixIsNeverWiderThanAsked(t *testing.T) {
	for _, mask := range []int{0, 0o002, 0o022, 0o077} {
		old := syscall.Umask(mask)
		path := filepath.Join(t.TempDir(), "x.sock")
		socket, err := bindPrivately(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := modeOf(t, path); got&^0o600 != 0 {
			t.Errorf("with umask %#o it is bound with mode %v", mask, got)
		}
		socket.Close()

		l, err := Open(unixConfig(path, func(c *config) { c.SocketMode = "0660" }), Options{Handler: hello})
		if err != nil {
			t.Fatal(err)
		}
		if got := modeOf(t, path); got != 0o660 {
			t.Errorf("with umask %#o it has mode %v", mask, got)
		}
		if got := syscall.Umask(old); got != mask {
			t.Errorf("the umask is %#o afterwards, was %#o", got, mask)
		}
		l.Close()
	}
}

func TestStaleSockets(t *testing.T) {
	t.Run("one nobody listens on is replaced", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.sock")
		left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			t.Fatal(err)
		}
		left.SetUnlinkOnClose(false)
		left.Close()
		l := run(t, unixConfig(path), Options{})
		if _, body := get(t, l, nil); body != "hello localhost" {
			t.Errorf("body %q", body)
		}
	})
	t.Run("one in use is left alone", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.sock")
		first := run(t, unixConfig(path), Options{})
		_, err := Open(unixConfig(path), Options{Handler: hello})
		if err == nil || !strings.Contains(err.Error(), "in use by another process") || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v", err)
		}
		if _, body := get(t, first, nil); body != "hello localhost" {
			t.Errorf("the first one answers %q", body)
		}
	})
	for name, make := range map[string]func(string) error{
		"a file":        func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"a folder":      func(path string) error { return os.Mkdir(path, 0o700) },
		"a broken link": func(path string) error { return os.Symlink(path+".nosuch", path) },
	} {
		t.Run(name+" is left alone", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.sock")
			if err := make(path); err != nil {
				t.Fatal(err)
			}
			_, err := Open(unixConfig(path), Options{Handler: hello})
			if err == nil || !strings.Contains(err.Error(), "that is no socket") {
				t.Errorf("error %v", err)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("it is gone: %v", err)
			}
		})
	}
	t.Run("a socket of another kind is left alone", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.sock")
		datagrams, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path})
		if err != nil {
			t.Fatal(err)
		}
		defer datagrams.Close()
		if _, err := Open(unixConfig(path), Options{Handler: hello}); err == nil || !strings.Contains(err.Error(), "cannot be told") {
			t.Errorf("error %v", err)
		}
	})
}

// Another process may have put its socket in the place of ours meanwhile.
func TestCloseRemovesOnlyItsOwnSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	first, err := Open(unixConfig(path), Options{Handler: hello})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	second := run(t, unixConfig(path), Options{})
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, body := get(t, second, nil); body != "hello localhost" {
		t.Errorf("the second one answers %q", body)
	}
}
