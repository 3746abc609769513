package sagemaker

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
)

// maxHours is for how long SageMaker lets a training run: 28 days.
const maxHours = 28 * 24

// goodRole is the form of a role's name.
var goodRole = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`)

// What is wrong with the settings of trainings.
var (
	errRole   = errors.New(envRole + ": write it as arn:aws:iam::123456789012:role/name, since " + envFolder + " is set")
	errFolder = errors.New(envFolder + ": set it to a folder, such as s3://bucket/tunes, since " + envRole + " is set")
	errTuned  = errors.New(envTuned + ": write each as endpoint=model-of-the-hub")
	errHours  = errors.New(envHours + ": set it to a number of hours from 1 to 672")
)

// withTuning returns the driver with trainings and deployments where they are set up.
func withTuning(
	d *driver, key *amazon.Key, value func(env string) string, config providers.Config,
) (providers.Driver, error) {
	role, folder := value(envRole), value(envFolder)
	switch {
	case role == "" && folder == "":
		return d, nil
	case !goodRole.MatchString(role):
		return nil, errRole
	case folder == "":
		return nil, errFolder
	}
	machines, err := parseInstances(value(envInstances))
	if err != nil {
		return nil, err
	}
	hours, err := strconv.ParseInt(value(envHours), 10, 64)
	if err != nil || hours < 1 || hours > maxHours {
		return nil, errHours
	}
	named, err := parseTuned(value(envTuned))
	if err != nil {
		return nil, err
	}
	bucket, err := amazon.NewBucket(amazon.Folder{
		Vendor: name, Env: envFolder, URI: folder, Base: value(amazon.EnvS3), Secrets: key.Secrets,
	}, key, config)
	if err != nil {
		return nil, err
	}
	tuning := &tuner{
		files: &files{d.plane, bucket}, role: role, machines: machines, hours: hours, named: named,
		licence: value(envLicence) == "true", spot: value(envSpot) == "true",
	}
	return &tuningDriver{driver: d, tuning: tuning, region: key.Region}, nil
}

// parseTuned reads endpoints with the names of their models in the hub.
func parseTuned(setting string) (map[string]string, error) {
	named := map[string]string{}
	for pair := range strings.SplitSeq(setting, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		endpoint, model, found := strings.Cut(strings.TrimSpace(pair), "=")
		if !found || endpoint == "" || model == "" {
			return nil, errTuned
		}
		named[endpoint] = model
	}
	return named, nil
}
