package config

import (
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

// Load reads a config file. Unknown fields and other versions are refused.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Config{}
	if err := yaml.UnmarshalStrict(data, c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.APIVersion != APIVersion || c.Kind != Kind {
		return nil, fmt.Errorf("%s: apiVersion %q, kind %q: this program reads apiVersion %s, kind %s", path, c.APIVersion, c.Kind, APIVersion, Kind)
	}
	return c, nil
}
