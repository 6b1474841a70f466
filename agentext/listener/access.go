// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"fmt"
	"io/fs"
	"os/user"
	"strconv"

	"github.com/hashicorp/vault/internalshared/configutil"
)

// unchanged is the id of an owner that stays as it is (os.Chown).
const unchanged = -1

// access is who may connect to a unix socket.
type access struct {
	mode     fs.FileMode
	modeSet  bool
	uid, gid int
}

func (a access) isDefault() bool { return !a.modeSet && a.uid == unchanged && a.gid == unchanged }

// readAccess reads socket_mode, socket_user and socket_group, each for itself.
func readAccess(config *configutil.Listener) (access, error) {
	a := access{uid: unchanged, gid: unchanged}
	if config.SocketMode != "" {
		mode, err := strconv.ParseUint(config.SocketMode, 8, 32)
		if err != nil || mode > 0o777 {
			return a, fmt.Errorf(`socket_mode is %q: write octal digits, such as "0660"`, config.SocketMode)
		}
		a.mode, a.modeSet = fs.FileMode(mode), true
	}
	var err error
	if a.uid, err = id(config.SocketUser, lookUpUser); err != nil {
		return a, fmt.Errorf("socket_user: %w", err)
	}
	if a.gid, err = id(config.SocketGroup, lookUpGroup); err != nil {
		return a, fmt.Errorf("socket_group: %w", err)
	}
	return a, nil
}

// id takes a number for what it is, as Vault does, and looks up names.
func id(name string, lookUp func(string) (string, error)) (int, error) {
	if name == "" {
		return unchanged, nil
	}
	if number, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(number), nil
	}
	found, err := lookUp(name)
	if err != nil {
		return unchanged, err
	}
	return strconv.Atoi(found)
}

func lookUpUser(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func lookUpGroup(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}
