// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"errors"
	"maps"

	proxyconfig "github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/agentext/config"
)

// tokenFile is the method that logs in by no login.
const tokenFile = "token_file"

// inquiryMethod is how an inquiry gets its token: as the file says, once, and
// so that a proxy can still log in afterwards.
func inquiryMethod(c *config.Config, file string) (*proxyconfig.Method, error) {
	switch {
	case len(c.Mashery) == 0:
		return nil, errors.New("there is no mashery block in the configuration: every request goes on to Vault, which decides")
	case file != "":
		return &proxyconfig.Method{Type: tokenFile, Config: map[string]any{"token_file_path": file}, ExitOnError: true}, nil
	}
	method := *c.Vault.AutoAuth.Method
	method.ExitOnError = true
	method.Config = maps.Clone(method.Config)
	// By default these methods remove the file that a proxy logs in with.
	switch method.Type {
	case "approle":
		if _, wrapped := method.Config["secret_id_response_wrapping_path"]; wrapped {
			return nil, errors.New("the secret ID is wrapped and can be unwrapped once only, which is left to the proxy; use a token that is there, such as a sink's (-token-file)")
		}
		method.Config["remove_secret_id_file_after_reading"] = false
	case "jwt":
		method.Config["remove_jwt_after_reading"] = false
	case "ldap":
		method.Config["remove_password_after_reading"] = false
	}
	return &method, nil
}
