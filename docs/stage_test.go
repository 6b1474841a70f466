// SPDX-License-Identifier: MPL-2.0

// Package docs_test tries what the pages say: it runs their shell blocks
// against a sandbox and a proxy, and compares what comes out with the blocks of
// output below them. It needs no shell, curl, jq or vault: reader_test.go and
// shell_test.go, curl_test.go, jq_test.go and vault_test.go understand as much
// of them as the pages use.
package docs_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mashproxy/agentext"
	"mashproxy/agentext/config"
	"mashproxy/sandbox"
)

func TestMain(m *testing.M) {
	for _, entry := range os.Environ() { // they speak of another Vault
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "VAULT_") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

// stage is what a reader has who started
//
//	make dev ARGS="-dir=/tmp/mashproxy -mashery-admin-listen=127.0.0.1:8401"
type stage struct {
	box    *sandbox.Sandbox
	folder string // the reader's working folder
}

func newStage(t *testing.T) *stage {
	t.Helper()
	box, err := sandbox.Start(t.Context(), sandbox.Options{QPS: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	runProxy(t, box)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := box.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return &stage{box: box, folder: workingFolder(t)}
}

// workingFolder is empty but for the examples, as if it were the clone's.
func workingFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	examples, err := filepath.Abs("../examples")
	if err == nil {
		err = os.Symlink(examples, filepath.Join(folder, "examples"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// runProxy runs the proxy on the sandbox's file until the test ends.
func runProxy(t *testing.T, box *sandbox.Sandbox) {
	t.Helper()
	c, _, err := config.Load([]string{box.ConfigFile()}, config.Options{LookupEnv: os.LookupEnv})
	if err != nil {
		t.Fatal(err)
	}
	log, err := agentext.NewLogger(c.Vault.SharedConfig, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := agentext.New(c, agentext.Options{Version: "docs", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- proxy.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
}

// places puts this sandbox's addresses and files in the place of those that the
// pages speak of.
func (s *stage) places() *strings.Replacer {
	address := func(url string) string { return strings.TrimPrefix(url, "http://") }
	return strings.NewReplacer(
		"127.0.0.1:8300", s.box.ProxyAddress(),
		"127.0.0.1:8200", address(s.box.Vault().Address()),
		"127.0.0.1:8400", address(s.box.MasheryURL()),
		"127.0.0.1:8401", address(s.box.MasheryAdminURL()),
		"/tmp/mashproxy/", s.box.Dir()+"/",
	)
}
