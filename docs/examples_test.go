// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A proxy that removes its secret ID cannot be started a second time, and that
// is what Vault does unless told otherwise.
func TestFilesToCopyKeepTheirSecretID(t *testing.T) {
	examples, err := filepath.Glob("../examples/hcl/*")
	if err != nil || len(examples) == 0 {
		t.Fatalf("there are no examples: %v", err)
	}
	for _, path := range append(examples, "configuration.md", "getting-started.md", "local-rules.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "secret_id_file_path") && !strings.Contains(string(text), "remove_secret_id_file_after_reading") {
			t.Errorf("%s does not say that the secret ID is kept", path)
		}
	}
}
