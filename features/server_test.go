// SPDX-License-Identifier: MPL-2.0

package features

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mashproxy/sandbox"
	"mashproxy/secretsengine"
)

const (
	// pluginName is the engine's in Vault's catalogue, and that of its binary.
	pluginName = "vault-plugin-secrets-mashery"
	// patience is how long one request may take: what is promised of the slowest.
	patience = 30 * time.Second
)

// server is a real Vault core behind its HTTP API.
type server struct {
	*sandbox.Vault
	http   *http.Client
	binary string // SHA-256 of the plugin's; "" where the engine is built in
}

// startWithBinary starts a Vault that runs the engine from its built binary.
func startWithBinary(tb testing.TB) *server {
	tb.Helper()
	directory, err := filepath.EvalSymlinks(tb.TempDir()) // Vault takes no binary behind a link
	if err != nil {
		tb.Fatal(err)
	}
	binary := filepath.Join(directory, pluginName)
	if out, err := exec.Command("go", "build", "-o", binary, "mashproxy/cmd/"+pluginName).CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(content)
	s := start(tb, sandbox.VaultOptions{PluginDirectory: directory})
	s.binary = hex.EncodeToString(sum[:])
	s.must(tb, http.MethodPut, "sys/plugins/catalog/secret/"+pluginName, map[string]any{
		"command": pluginName, "sha256": s.binary, "version": secretsengine.Version,
	})
	// One process serves all mounts, as long as there is one: this keeps it.
	s.must(tb, http.MethodPost, "sys/mounts/kept", map[string]any{"type": pluginName})
	return s
}

// startBuiltIn starts a Vault that runs the engine within its own process.
func startBuiltIn(tb testing.TB) *server {
	tb.Helper()
	return start(tb, sandbox.VaultOptions{})
}

func start(tb testing.TB, options sandbox.VaultOptions) *server {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	vault, err := sandbox.StartVault(context.Background(), listener, options)
	if err != nil {
		tb.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: crowd} // no proxy
	s := &server{Vault: vault, http: &http.Client{Transport: transport, Timeout: patience}}
	tb.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := vault.Close(); err != nil {
			tb.Errorf("closing Vault: %v", err)
		}
	})
	return s
}

// ask sends one request to Vault as root, with further headers ("Name: value");
// path is what follows /v1/. A body is sent as JSON, unless it is text already.
func (s *server) ask(ctx context.Context, method, path string, body any, headers ...string) (*answer, error) {
	var text []byte
	switch body := body.(type) {
	case nil:
	case string:
		text = []byte(body)
	default:
		text, _ = json.Marshal(body) // texts and maps of them always encode
	}
	r, err := http.NewRequestWithContext(ctx, method, s.Address()+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Vault-Token", s.RootToken().Reveal())
	r.Header.Set("X-Vault-Request", "true")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	resp, err := s.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return newAnswer(resp.StatusCode, resp.Header, raw), nil
}

// done sends one request that has to succeed.
func (s *server) done(ctx context.Context, method, path string, body any) (*answer, error) {
	a, err := s.ask(ctx, method, path, body)
	if err == nil && a.status >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %v", method, path, a)
	}
	return a, err
}

func (s *server) must(tb testing.TB, method, path string, body any) *answer {
	tb.Helper()
	a, err := s.done(context.Background(), method, path, body)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}
