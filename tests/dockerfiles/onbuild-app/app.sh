echo "built for $STAGE"
