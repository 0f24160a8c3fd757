module github.com/slipway-ml/slipway/distro/pause

go 1.26.0
