// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"fmt"
	"io"

	"github.com/hashicorp/cli"
	"github.com/hashicorp/vault/helper/metricsutil"
	"github.com/hashicorp/vault/helper/useragent"
	"github.com/hashicorp/vault/internalshared/configutil"
)

// telemetry sets up the metrics of Vault's packages, which write to go-metrics'
// global sink, as Vault Proxy does.
func telemetry(c *configutil.SharedConfig) (*metricsutil.MetricsHelper, error) {
	memory, _, prometheus, err := configutil.SetupTelemetry(&configutil.SetupTelemetryOpts{
		Config:      c.Telemetry,
		Ui:          &cli.BasicUi{Writer: io.Discard},
		ServiceName: "vault",
		DisplayName: "Vault",
		UserAgent:   useragent.ProxyString(),
		ClusterName: c.ClusterName,
	})
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	return metricsutil.NewMetricsHelper(memory, prometheus), nil
}
