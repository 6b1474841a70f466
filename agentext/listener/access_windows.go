// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"errors"
	"net"
)

func (a access) apply(string) error {
	if a.isDefault() {
		return nil
	}
	return errors.New("socket_mode, socket_user and socket_group cannot be applied on Windows: leave them out, " +
		"and give the folder of the socket the access control list that is wanted")
}

func bindPrivately(path string) (net.Listener, error) { return net.Listen("unix", path) }
