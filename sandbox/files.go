// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
)

// The files in the sandbox's folder.
const (
	configFile      = "mashproxy.hcl"
	roleIDFile      = "role-id"
	secretIDFile    = "secret-id"
	policyFile      = "policy.hcl"
	credentialsFile = "mashery-role.json"
	rootTokenFile   = "root-token"
	unsealKeyFile   = "unseal-key"
	authorityFile   = "mashery-ca.pem"
	socketFile      = "mashproxy.sock"
)

// maxSocketPath is the longest path a unix socket can have: 107 bytes on Linux.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// folder is where the files are.
type folder struct {
	path      string // absolute
	temporary bool   // made by us, removed by Close
}

// openFolder makes the folder when it is absent, and a temporary one when dir is "".
func openFolder(dir string) (folder, error) {
	f := folder{temporary: dir == ""}
	var err error
	if f.temporary {
		f.path, err = os.MkdirTemp("", "mashproxy-dev-")
	} else {
		f.path, err = filepath.Abs(dir)
	}
	if err == nil {
		err = checkSocket(f.file(socketFile))
	}
	if err == nil {
		err = os.MkdirAll(f.path, 0o700)
	}
	if err != nil {
		return folder{}, errors.Join(fmt.Errorf("-dir=%s: no folder for the sandbox's files: %w", dir, err), f.Close())
	}
	return f, nil
}

// checkSocket tells whether a proxy could listen there: on a path that is short
// enough and that nobody listens on.
func checkSocket(path string) error {
	if len(path) > maxSocketPath {
		return fmt.Errorf("a unix socket's path can have %d bytes, %s has %d; choose a shorter one, such as -dir=/tmp/mashproxy",
			maxSocketPath, path, len(path))
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return fmt.Errorf("another proxy listens on %s; choose another folder, or stop it", path)
	}
	return nil
}

// Close removes a temporary folder.
func (f folder) Close() error {
	if !f.temporary {
		return nil
	}
	return os.RemoveAll(f.path)
}

func (f folder) file(name string) string { return filepath.Join(f.path, name) }

// file is a text to be written.
type file struct{ name, text string }

// write writes files that only their owner may read.
func (f folder) write(files ...file) error {
	for _, file := range files {
		if err := f.replace(file); err != nil {
			return fmt.Errorf("-dir=%s: writing %s: %w", f.path, file.name, err)
		}
	}
	return nil
}

// replace makes the file appear whole or not at all: a proxy may be reading the old one.
func (f folder) replace(file file) error {
	draft, err := os.CreateTemp(f.path, "."+file.name+"-") // mode 0600
	if err != nil {
		return err
	}
	_, err = draft.WriteString(strings.TrimSuffix(file.text, "\n") + "\n")
	err = errors.Join(err, draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), f.file(file.name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	return nil
}

//go:embed mashproxy.hcl.tmpl
var configTemplate string

// configValues are what mashproxy.hcl.tmpl is filled in with.
type configValues struct {
	Vault, Proxy           string
	RoleID, SecretID       string
	Socket                 string
	Mount                  string
	V2Endpoint, V3Endpoint string
	MasheryCA              string // path of a certificate; "" without TLS
}

// renderConfig writes the configuration a user would write.
func renderConfig(values configValues) (string, error) {
	parsed, err := template.New(configFile).Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(configTemplate)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	err = parsed.Execute(&text, values)
	return text.String(), err
}
