// SPDX-License-Identifier: MPL-2.0

// Package features holds what administrators are promised of the secrets engine
// (*.feature), and tries it: the plugin's binary is built and registered in a
// real Vault core, and asked over Vault's HTTP API. Behind it is the emulated
// Mashery.
package features

import (
	"testing"

	"github.com/cucumber/godog"
)

func TestFeatures(t *testing.T) {
	vault := startWithBinary(t)
	suite := godog.TestSuite{
		Name:                "the secrets engine",
		ScenarioInitializer: func(s *godog.ScenarioContext) { newWorld(vault).define(s) },
		Options: &godog.Options{
			Format: "pretty", NoColors: true, Strict: true,
			Paths: []string{"."}, TestingT: t,
		},
	}
	if status := suite.Run(); status != 0 {
		t.Errorf("status %d: some scenario failed, or has a step that is not defined", status)
	}
}
