// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// document is the OpenAPI document of the engine, as Vault asks for it.
func (e *engine) document() *framework.OASDocument {
	e.Helper()
	e.system.PluginEnvironment = &logical.PluginEnvironment{VaultVersion: "1.21.4"}
	doc, ok := e.must(logical.HelpOperation, "", nil).Data["openapi"].(*framework.OASDocument)
	if !ok {
		e.Fatal("there is no OpenAPI document")
	}
	return doc
}

func operations(item *framework.OASPathItem) map[string]*framework.OASOperation {
	all := map[string]*framework.OASOperation{"get": item.Get, "post": item.Post, "delete": item.Delete}
	for verb, operation := range all {
		if operation == nil {
			delete(all, verb)
		}
	}
	return all
}

func TestTheOpenAPIDocumentNamesAndExplainsEveryOperation(t *testing.T) {
	seen := make(map[string]string)
	doc := newEngine(t).document()
	for path, item := range doc.Paths {
		if item.Description == "" {
			t.Errorf("%s has no description", path)
		}
		for _, parameter := range item.Parameters {
			if parameter.Description == "" {
				t.Errorf("%s: the parameter %s is not described", path, parameter.Name)
			}
		}
		for verb, operation := range operations(item) {
			if !strings.HasPrefix(operation.OperationID, "mashery-") || operation.Summary == "" {
				t.Errorf("%s %s is named %q and explained by %q", verb, path, operation.OperationID, operation.Summary)
			}
			if other := seen[operation.OperationID]; other != "" {
				t.Errorf("%s and %s %s are both named %s", other, verb, path, operation.OperationID)
			}
			seen[operation.OperationID] = verb + " " + path
		}
	}
}

func TestConfigurationNeedsSudoInTheOpenAPIDocument(t *testing.T) {
	for path, item := range newEngine(t).document().Paths {
		if want := strings.HasPrefix(path, "/config"); item.Sudo != want {
			t.Errorf("%s: sudo %v, want %v", path, item.Sudo, want)
		}
	}
}

func TestTheOpenAPIDocumentShowsNoSecretAndMarksThem(t *testing.T) {
	raw, err := json.Marshal(newDemo(t).document())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "planted") {
		t.Error("the document shows a secret")
	}
	e := newEngine(t)
	for _, path := range e.Paths {
		for _, name := range []string{"api_key", "secret", "password", "proxy_server_creds"} {
			field := path.Fields[name]
			if field != nil && (field.DisplayAttrs == nil || !field.DisplayAttrs.Sensitive) {
				t.Errorf("%s: %s is not marked as sensitive", path.Pattern, name)
			}
		}
	}
}

func TestTheHelpOfEveryPathReadsWell(t *testing.T) {
	e := newEngine(t)
	for _, path := range e.Paths {
		if n := len([]rune(path.HelpSynopsis)); n > 100 || !strings.HasSuffix(path.HelpSynopsis, ".") {
			t.Errorf("%s: the synopsis is no short sentence: %q", path.Pattern, path.HelpSynopsis)
		}
		for line := range strings.Lines(path.HelpDescription) {
			if strings.HasPrefix(path.HelpDescription, "\n") && len([]rune(strings.TrimRight(line, "\n"))) > 90 {
				t.Errorf("%s: a line of the help is too long for a terminal: %q", path.Pattern, line)
			}
			if strings.Contains(line, "\t") {
				t.Errorf("%s: a tab in the help: %q", path.Pattern, line)
			}
		}
		for name, field := range path.Fields {
			if !strings.HasSuffix(field.Description, ".") {
				t.Errorf("%s: the description of %s is no sentence: %q", path.Pattern, name, field.Description)
			}
		}
		for op, handler := range path.Operations {
			if !strings.HasSuffix(handler.Properties().Summary, ".") {
				t.Errorf("%s %s: the summary is no sentence", op, path.Pattern)
			}
		}
	}
}
