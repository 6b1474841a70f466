// SPDX-License-Identifier: MPL-2.0

package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/agentext/config/hcl1"
)

// file is one file, read twice: by Vault's loader and by us.
type file struct {
	path string
	src  []byte
	// tree is our reading, nil when the syntax is wrong.
	tree *hcl1.File
	// vault is Vault's reading, nil when Vault refuses the file for vaultErr.
	vault    *config.Config
	vaultErr error
}

// expand gives the files of paths, those of a folder in sorted order. (Vault's
// loader takes them as the folder lists them, so that which of two files wins
// is chance.)
func expand(paths []string) (files []string, diags hcl.Diagnostics) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			diags = append(diags, unreadable(path, err))
			continue
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		entries, err := os.ReadDir(path) // sorted
		if err != nil {
			diags = append(diags, unreadable(path, err))
		}
		for _, entry := range entries {
			if !entry.IsDir() && isConfig(entry.Name()) {
				files = append(files, filepath.Join(path, entry.Name()))
			}
		}
	}
	return files, diags
}

// isConfig tells which files of a folder are read: those that Vault's loader
// reads (command/proxy/config, LoadConfigDirCheckDuplicate).
func isConfig(name string) bool {
	temporary := strings.HasSuffix(name, "~") || strings.HasPrefix(name, ".#") ||
		strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
	return !temporary && (strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".json"))
}

func unreadable(path string, err error) *hcl.Diagnostic {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Configuration not readable", Detail: path + ": " + err.Error() + "."}
}

// read reads the file at path in both ways.
func read(path string) (*file, hcl.Diagnostics) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, hcl.Diagnostics{unreadable(path, err)}
	}
	f := &file{path: path, src: src}
	tree, diags := hcl1.Parse(path, src)
	if diags.HasErrors() {
		return f, diags // Vault refuses it for the same reason
	}
	f.tree = tree
	f.vault, f.vaultErr = loadVault(path, src)
	if f.vault != nil {
		f.makeUnixPlain()
	}
	return f, nil
}

var errUnreadable = errors.New("a quote, an escape or a number is not what HCL allows")

// loadVault has Vault's loader read the file. The loader takes a path and
// reads it once more, which a pipe does not allow; so it gets a copy of those.
func loadVault(path string, src []byte) (cfg *config.Config, err error) {
	defer func() { // HCL 1 panics on a few texts that it has parsed without complaint
		if recover() != nil {
			cfg, err = nil, errUnreadable
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		return config.LoadConfigFile(path)
	}
	spool, err := os.CreateTemp("", "mashproxy-*.hcl")
	if err != nil {
		return nil, err
	}
	defer os.Remove(spool.Name())
	_, err = spool.Write(src)
	if err = errors.Join(err, spool.Close()); err != nil {
		return nil, err
	}
	return config.LoadConfigFile(spool.Name())
}

// items gives the items of a list that bear a name, in any case.
func items(list []*ast.ObjectItem, name string) (found []*ast.ObjectItem) {
	for _, item := range list {
		if strings.EqualFold(hcl1.Name(item.Keys[0]), name) {
			found = append(found, item)
		}
	}
	return found
}

// item gives the last of the items that bear a name, nil if there is none.
func item(list []*ast.ObjectItem, name string) *ast.ObjectItem {
	found := items(list, name)
	if len(found) == 0 {
		return nil
	}
	return found[len(found)-1]
}

// inside gives the items of an item's value, as Vault's loader sees it.
func inside(item *ast.ObjectItem) []*ast.ObjectItem {
	if object, ok := item.Val.(*ast.ObjectType); ok {
		return object.List.Items
	}
	return nil
}

// find is the place of the last item at the end of a path of names. The zero
// range: it is not there.
func (f *file) find(path ...string) (at hcl.Range) {
	list := f.tree.Root.Items
	for _, name := range path {
		found := item(list, name)
		if found == nil {
			return hcl.Range{}
		}
		at, list = f.tree.ItemRange(found), inside(found)
	}
	return at
}
