// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func TestAnEngineWithoutABackendConfigurationIsRefused(t *testing.T) {
	_, err := Factory(t.Context(), nil)
	if err == nil || err.Error() != "the Mashery secrets engine was started without a backend configuration" {
		t.Error(err)
	}
}

func TestTheEngineReportsItsVersion(t *testing.T) {
	wantEqual(t, "version", newEngine(t).PluginVersion().Version, Version)
}

func TestEveryPathExplainsItself(t *testing.T) {
	e := newEngine(t)
	for _, path := range e.Paths {
		if path.HelpSynopsis == "" || path.HelpDescription == "" {
			t.Errorf("%s has no help", path.Pattern)
		}
		for op, handler := range path.Operations {
			if handler.Properties().Summary == "" {
				t.Errorf("%s %s has no summary", op, path.Pattern)
			}
		}
		for name, field := range path.Fields {
			if field.Description == "" {
				t.Errorf("%s: the field %s is not described", path.Pattern, name)
			}
		}
	}
	e.system.PluginEnvironment = &logical.PluginEnvironment{VaultVersion: "1.21.4"}
	for _, path := range []string{"", "config", "roles/demo", "roles/demo/grant", "roles/demo/proxy/v3/services"} {
		resp, err := e.ask(logical.HelpOperation, path, nil)
		if err != nil || resp.Data["help"] == "" {
			t.Errorf("help on %q: %v %v", path, resp, err)
		}
	}
}

func TestThePathsOfTheMount(t *testing.T) {
	e := newEngine(t)
	want := map[string][]logical.Operation{
		"config":                                  {logical.ReadOperation, logical.UpdateOperation},
		"check":                                   {logical.ReadOperation},
		"config/certs/":                           {logical.ListOperation},
		"config/certs/leaf":                       {logical.DeleteOperation, logical.ReadOperation, logical.UpdateOperation},
		"roles/":                                  {logical.ListOperation},
		"roles/demo":                              {logical.CreateOperation, logical.DeleteOperation, logical.ReadOperation, logical.UpdateOperation},
		"roles/demo/grant":                        {logical.ReadOperation},
		"roles/demo/token":                        {logical.DeleteOperation, logical.ReadOperation},
		"roles/demo/pem":                          {logical.ReadOperation},
		"roles/demo/export":                       {logical.UpdateOperation},
		"roles/demo/import":                       {logical.UpdateOperation},
		"roles/demo/v2":                           {logical.ReadOperation, logical.UpdateOperation},
		"roles/demo/v2/object.query":              {logical.ReadOperation, logical.UpdateOperation},
		"roles/demo/v3/services/1":                {logical.DeleteOperation, logical.ListOperation, logical.ReadOperation, logical.UpdateOperation},
		"roles/demo/proxy/v2":                     {logical.UpdateOperation},
		"roles/demo/proxy/v2/object.query":        {logical.UpdateOperation},
		"roles/demo/proxy/v3/services/1":          {logical.DeleteOperation, logical.ListOperation, logical.ReadOperation, logical.UpdateOperation},
		"roles/demo/proxy/v3-method/put/services": {logical.ReadOperation, logical.UpdateOperation},
	}
	for path, operations := range want {
		found := e.Route(path)
		if found == nil {
			t.Errorf("%s is no path", path)
			continue
		}
		if got := operationsOf(found); !slices.Equal(got, operations) {
			t.Errorf("%s: %v, want %v", path, got, operations)
		}
	}
	wantEqual(t, "number of paths", len(e.Paths), len(want))
}

func operationsOf(path *framework.Path) []logical.Operation {
	var operations []logical.Operation
	for op := range path.Operations {
		operations = append(operations, op)
	}
	slices.Sort(operations)
	return operations
}

func TestVaultKeepsTheEnginesSecretsApart(t *testing.T) {
	e := newDemo(t)
	special := e.SpecialPaths()
	for _, sealWrapped := range []string{"config", "role/", "token/", "key/"} {
		if !slices.Contains(special.SealWrapStorage, sealWrapped) {
			t.Errorf("%s is not seal-wrapped", sealWrapped)
		}
	}
	if !slices.Equal(special.Root, []string{"config", "config/*"}) {
		t.Errorf("sudo is needed for %v", special.Root)
	}
	e.read("roles/demo/token", nil)
	keys, err := logical.CollectKeys(t.Context(), e.storage)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	wantEqual(t, "storage", strings.Join(keys, " "), "config role/demo salt token/demo")
}

var errBroken = errors.New("storage is away")

// faultyStorage fails, as Vault's does when what is behind it is away.
type faultyStorage struct{}

func (faultyStorage) List(context.Context, string) ([]string, error) { return nil, errBroken }
func (faultyStorage) Get(context.Context, string) (*logical.StorageEntry, error) {
	return nil, errBroken
}
func (faultyStorage) Put(context.Context, *logical.StorageEntry) error { return errBroken }
func (faultyStorage) Delete(context.Context, string) error             { return errBroken }

func TestStorageThatFailsIsAFaultNotAnAnswer(t *testing.T) {
	e := newDemo(t)
	e.on(faultyStorage{})
	for _, c := range []struct {
		op   logical.Operation
		path string
	}{
		{logical.ReadOperation, "config"}, {logical.UpdateOperation, "config"}, {logical.ListOperation, "roles/"},
		{logical.ReadOperation, "roles/demo"}, {logical.UpdateOperation, "roles/demo"}, {logical.DeleteOperation, "roles/demo"},
		{logical.ReadOperation, "roles/demo/grant"}, {logical.ReadOperation, "roles/demo/token"}, {logical.DeleteOperation, "roles/demo/token"},
		{logical.ReadOperation, "roles/demo/proxy/v3/services"},
	} {
		if _, err := e.ask(c.op, c.path, map[string]any{}); !errors.Is(err, errBroken) {
			t.Errorf("%s %s: %v", c.op, c.path, err)
		}
	}
}
