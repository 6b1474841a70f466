// SPDX-License-Identifier: MPL-2.0

package agentext_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/internalshared/configutil"

	"mashproxy/agentext"
)

func TestALevelIsThatOfAllLoggersMadeOfOne(t *testing.T) {
	var text strings.Builder
	root, err := agentext.NewLogger(&configutil.SharedConfig{LogLevel: "info"}, &text)
	if err != nil {
		t.Fatal(err)
	}
	child := root.Named("a").With("k", "v").ResetNamed("b")
	connections := child.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug})
	speak := func() string {
		text.Reset()
		root.Debug("of root")
		child.Debug("of child")
		connections.Print("of connections")
		return text.String()
	}
	if said := speak(); said != "" || child.IsDebug() {
		t.Errorf("at level info it says %s", said)
	}
	root.SetLevel(hclog.Debug)
	if said := speak(); strings.Count(said, "\n") != 3 || !child.IsDebug() || child.IsTrace() {
		t.Errorf("at level debug it says %s", said)
	}
	child.SetLevel(hclog.Error)
	if said := speak(); said != "" || root.GetLevel() != hclog.Error {
		t.Errorf("at level error it says %s", said)
	}
}
